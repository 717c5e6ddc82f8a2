"""Heads on frozen bodies: cached features and the convex problem that is solved on them."""
