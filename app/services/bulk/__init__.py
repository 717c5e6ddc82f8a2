"""Owns bulk predictions: submissions, their chunks, and results as files."""
