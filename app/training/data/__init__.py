"""Labelled images: the conventions of folders and tables, splits, samples, manifests and drawings."""
