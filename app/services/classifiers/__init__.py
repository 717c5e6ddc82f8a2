"""Making, changing and deleting classifiers while the service runs."""
