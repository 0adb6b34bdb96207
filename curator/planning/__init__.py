"""What to do next, and how: advice, replays of labelling, splits."""
