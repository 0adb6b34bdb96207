"""The verbs on a workspace: each joins the store and the science, and holds little of its own."""
