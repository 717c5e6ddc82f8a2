"""Measurements that a user can repeat: `make bench`."""
