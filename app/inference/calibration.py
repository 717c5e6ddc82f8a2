"""Probabilities that mean what they say, and the classes that they leave possible: what a card's figures do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.inference.arrays import Floats

_TINY = 1e-12


def calibrate(probabilities: Floats, temperature: float, bias: Sequence[float] | Floats) -> Floats:
    """Divide the logits behind softmax probabilities (..., classes) by the temperature and add each class's bias."""
    return _softmax(np.log(np.maximum(probabilities, _TINY)) / temperature + np.asarray(bias))


def shift_prior(probabilities: Floats, before: Sequence[float], after: Sequence[float]) -> Floats:
    """Turn probabilities (..., classes) that hold for one mix of the classes into those for another, by Bayes' rule.

    `before` and `after` are the shares of the classes. It assumes that each class looks the same in both.
    """
    weighted = probabilities * (np.asarray(after) / np.asarray(before))
    return np.asarray(weighted / weighted.sum(axis=-1, keepdims=True))


def shifted_threshold(threshold: float, probabilities: Floats, shifted: Floats, index: int) -> float:
    """Where a threshold of the class `index` lies after `shift_prior` turned `probabilities` (classes,) into `shifted`.

    Exact for this image: the odds of the class change by the same factor at every probability.
    """
    factor = _odds(float(shifted[index])) / _odds(float(probabilities[index]))
    odds = factor * _odds(threshold)
    return odds / (1 + odds)


def within(probabilities: Floats, thresholds: Sequence[float]) -> NDArray[np.bool_]:
    """Whether each class of probabilities (..., classes) reaches its threshold, and so cannot be ruled out."""
    return np.asarray(probabilities >= np.asarray(thresholds))


def prediction_set(probabilities: Floats, thresholds: Sequence[float]) -> list[int]:
    """The classes that cannot be ruled out for one image, the likeliest first; none where it is like no class."""
    order = np.argsort(-probabilities, kind="stable")
    return [int(index) for index in order[within(probabilities, thresholds)[order]]]


def _odds(probability: float) -> float:
    return max(probability, _TINY) / max(1 - probability, _TINY)


def _softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
