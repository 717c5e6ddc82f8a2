"""Owns answers: the models in memory, predictions and their log, shadow and canary traffic."""
