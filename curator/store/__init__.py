"""What a workspace keeps on disk: catalog, labels, vectors, artifacts. Knows no science."""

from curator.store.workspace import Workspace

__all__ = ["Workspace"]
