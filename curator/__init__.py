"""Label fewer images and find the labels that are wrong."""
