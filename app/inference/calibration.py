"""Probabilities that mean what they say: temperature scaling and prediction sets."""

from __future__ import annotations

import math

import numpy as np

from app.errors import InvalidInput
from app.inference.arrays import Floats, Integers

_COLDEST, _HOTTEST = 0.5, 10.0
_PRIOR = 0.25  # standard deviation of the logarithm of the temperature, before any image speaks
_TINY = 1e-12
_TOLERANCE = 1e-4  # in the logarithm of the temperature


def apply_temperature(probabilities: Floats, temperature: float) -> Floats:
    """Divide the logits behind softmax probabilities (..., classes) by the temperature: above 1 softens."""
    logits = np.log(np.maximum(probabilities, _TINY)) / temperature
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def fit_temperature(probabilities: Floats, labels: Integers) -> float:
    """Temperature in [0.5, 10] that the labels make most probable (Guo et al., ICML 2017, with a prior around 1).

    `probabilities` (n, classes), `labels` (n,) are class indices. Some hundred images outweigh the prior; without it
    a few that are all answered rightly would make answers certain. Golden-section search finds the minimum.
    """
    _check(probabilities, labels)
    probabilities = np.asarray(probabilities, np.float64)
    golden = (math.sqrt(5) - 1) / 2
    low, high = math.log(_COLDEST), math.log(_HOTTEST)
    while high - low > _TOLERANCE:
        left, right = high - golden * (high - low), low + golden * (high - low)
        if _loss(probabilities, labels, left) <= _loss(probabilities, labels, right):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)


def fit_prediction_set(probabilities: Floats, labels: Integers, coverage: float) -> float:
    """Threshold of split conformal prediction: sets hold the true class with probability >= `coverage`.

    Vovk et al., Algorithmic Learning in a Random World, 2005; Angelopoulos & Bates, arXiv:2107.07511, with
    the score 1 - p(true class) and its finite-sample quantile. 0, so every class, with too few images.
    """
    _check(probabilities, labels)
    rank = math.ceil((len(labels) + 1) * coverage)
    if rank > len(labels):
        return 0.0
    true = np.sort(probabilities[np.arange(len(labels)), labels])[::-1]
    return float(true[rank - 1])


def prediction_set(probabilities: Floats, threshold: float) -> list[int]:
    """Classes whose probability reaches the threshold, the likeliest first; always at least the top one."""
    order = np.argsort(-probabilities, kind="stable")
    return [int(order[0])] + [int(i) for i in order[1:] if probabilities[i] >= threshold]


def _loss(probabilities: Floats, labels: Integers, log_temperature: float) -> float:
    scaled = apply_temperature(probabilities, math.exp(log_temperature))
    surprise = -float(np.log(np.maximum(scaled[np.arange(len(labels)), labels], _TINY)).sum())
    return surprise + (log_temperature / _PRIOR) ** 2 / 2


def _check(probabilities: Floats, labels: Integers) -> None:
    if len(labels) == 0 or len(labels) != len(probabilities):
        raise InvalidInput("Calibration needs at least one image, and a label for each.")
