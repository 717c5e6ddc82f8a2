"""Changing the images of a dataset by hand: relabel, move, tag, remove, and take it back."""
