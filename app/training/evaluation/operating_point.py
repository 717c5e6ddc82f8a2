"""The operating point of a screening: the probability of the positive class from which it refers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, roc_curve

from app.classifiers.card import OperatingPoint
from app.classifiers.spec import OperatingPointSpec
from app.inference.arrays import Floats
from app.training.evaluation.metrics import screening


def choose(scores: Floats, sick: NDArray[np.bool_], groups: Sequence[str], asked: OperatingPointSpec) -> OperatingPoint:
    """Choose the threshold on validation images (n,) as asked: for a sensitivity, or the best by a criterion."""
    assured = True
    if asked.sensitivity is not None:
        threshold, assured = for_sensitivity(scores[sick], asked.sensitivity)
    elif asked.best == "f1":
        threshold = _with_room(scores, best_f1(scores, sick))
    else:
        threshold = _with_room(scores, best_balanced(scores, sick))
    return OperatingPoint(
        asked=asked,
        threshold=threshold,
        assured=assured,
        validation=screening(sick, scores, groups, threshold),
    )


def for_sensitivity(sick: Floats, sensitivity: float) -> tuple[float, bool]:
    """The highest threshold whose expected sensitivity for new sick eyes is at least as asked, and whether it is.

    By rank, as in conformal prediction: below the k-th lowest of n scores lies the next one with probability
    k / (n + 1), whatever the scores' distribution. With too few scores for that, half the lowest one, unassured.
    """
    rank = math.floor(round((len(sick) + 1) * (1 - sensitivity), 9))
    if rank < 1:
        return float(sick.min()) / 2, False
    return float(np.sort(sick)[rank - 1]), True


def best_balanced(scores: Floats, sick: NDArray[np.bool_]) -> float:
    """The score with the highest sum of sensitivity and specificity (Youden 1950)."""
    false_alarms, found, thresholds = roc_curve(sick, scores, drop_intermediate=False)
    return float(thresholds[1:][np.argmax((found - false_alarms)[1:])])  # the first lies above every score


def best_f1(scores: Floats, sick: NDArray[np.bool_]) -> float:
    """The score with the highest F1."""
    precision, recall, thresholds = precision_recall_curve(sick, scores)
    total = np.maximum(precision + recall, 1e-12)
    return float(thresholds[np.argmax((2 * precision * recall / total)[:-1])])  # the last has no threshold


def _with_room(scores: Floats, best: float) -> float:
    """Halfway down to the next lower score: the lowest score of a sick eye itself would leave no margin."""
    return (best + float(scores[scores < best].max(initial=0.0))) / 2
