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


def referral(probabilities: Floats, referred: Sequence[int]) -> Floats:
    """The probability (...) by which a screening refers: the sum of those of the classes `referred`, (..., classes)."""
    return np.asarray(probabilities[..., list(referred)].sum(axis=-1))


def shifted_threshold(threshold: float, probability: float, shifted: float) -> float:
    """Where a threshold of a probability lies after `shift_prior` turned an image's `probability` into `shifted`.

    For this image: where its other likelihoods stay as they are, the odds change by one factor at every probability.
    """
    odds = _odds(shifted) / _odds(probability) * _odds(threshold)
    return odds / (1 + odds)


def within(probabilities: Floats, thresholds: Sequence[float], *, ordered: bool = False) -> NDArray[np.bool_]:
    """Whether each class of probabilities (..., classes) reaches its threshold, and so cannot be ruled out.

    Nor can a class between two of those where the classes are `ordered`: sets of grades have no gap, and lose nothing
    of their coverage.
    """
    possible = np.asarray(probabilities >= np.asarray(thresholds))
    if not ordered:
        return possible
    from_below = np.maximum.accumulate(possible, axis=-1)
    from_above = np.maximum.accumulate(possible[..., ::-1], axis=-1)[..., ::-1]
    return np.asarray(from_below & from_above)


def prediction_set(probabilities: Floats, thresholds: Sequence[float], *, ordered: bool = False) -> list[int]:
    """The classes that cannot be ruled out for one image, the likeliest first; none where it is like no class."""
    order = np.argsort(-probabilities, kind="stable")
    return [int(index) for index in order[within(probabilities, thresholds, ordered=ordered)[order]]]


def _odds(probability: float) -> float:
    return max(probability, _TINY) / max(1 - probability, _TINY)


def _softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
