"""Owns jobs: their rows and moves, signs of life, queues, limits and the keys of repeated requests."""
