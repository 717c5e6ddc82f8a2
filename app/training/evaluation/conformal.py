"""Fits the thresholds of prediction sets that hold each class as often as they promise."""

from __future__ import annotations

import math

import numpy as np

from app.errors import InvalidInput
from app.inference.arrays import Floats, Integers


def fit_thresholds(probabilities: Floats, labels: Integers, coverage: float) -> list[float]:
    """The threshold of each class, from which on it is in the set: of its photographs at least `coverage` reach it.

    Class-conditional (Mondrian) conformal prediction (Vovk et al., Algorithmic Learning in a Random World, 2005), with
    the score p(true class). `probabilities` (n, classes) are calibrated answers to images that were not learned from,
    `labels` (n,) their classes. By rank, so that the promise holds for few images, too: below the k-th lowest of n
    scores lies the next one with probability k / (n + 1). With too few for that the class is in every set.
    """
    if len(labels) == 0 or len(labels) != len(probabilities):
        raise InvalidInput("Prediction sets need at least one image, and a label for each.")
    return [_threshold(probabilities[labels == index, index], coverage) for index in range(probabilities.shape[1])]


def fewest(coverage: float) -> int:
    """How many images a class needs so that a set may lack it."""
    return math.ceil(round(1 / (1 - coverage), 9)) - 1


def _threshold(scores: Floats, coverage: float) -> float:
    rank = math.floor(round((len(scores) + 1) * (1 - coverage), 9))
    return float(np.sort(scores)[rank - 1]) if rank >= 1 else 0.0
