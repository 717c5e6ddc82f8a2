"""Finds what would fool a model before it does: copies, leaks, shortcuts, wrong labels. Arrays in, findings out."""
