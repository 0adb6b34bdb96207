"""How quickly the review page answers, and how far a person gets on it."""
