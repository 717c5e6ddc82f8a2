"""Owns model versions: training runs, evaluation, comparison, cards and the moves of aliases."""
