"""Figures of weighted images and their intervals: bootstrap, proportions, areas and paired differences."""
