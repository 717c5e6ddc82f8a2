"""Figures of weighted images, for many weightings at once: with ones the figure itself, with draws its bootstrap.

A figure is a function of labels (n,), probabilities (n, classes) and weights (weightings, n), which say how often each
image counts. It returns (weightings,) or, where each class has its own, (weightings, classes); nan where undefined.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from app.inference.arrays import Floats

BINS = 15
Indices = NDArray[np.int64]
Figure = Callable[[Indices, Floats, Floats], Floats]


def calibration_error(labels: Indices, probabilities: Floats, weights: Floats) -> Floats:
    """Expected calibration error of the top class over equal bins of confidence (Naeini et al. 2015)."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    gaps = weights @ (np.eye(BINS)[bins(confidence)] * (confidence - right)[:, None])
    return np.asarray(np.abs(gaps).sum(axis=1) / weights.sum(axis=1))


def class_errors(labels: Indices, probabilities: Floats, weights: Floats) -> Floats:
    """Expected calibration error of each class's probability (weightings, classes), over equal bins of it."""
    columns = []
    for index in range(probabilities.shape[1]):
        values = probabilities[:, index]
        gaps = weights @ (np.eye(BINS)[bins(values)] * (values - (labels == index))[:, None])
        columns.append(np.abs(gaps).sum(axis=1) / weights.sum(axis=1))
    return np.stack(columns, axis=1)


def _classwise_error(labels: Indices, probabilities: Floats, weights: Floats) -> Floats:
    """The mean over the classes (Kull et al., NeurIPS 2019)."""
    return np.asarray(class_errors(labels, probabilities, weights).mean(axis=1))


def _brier(labels: Indices, probabilities: Floats, weights: Floats) -> Floats:
    """Mean squared distance of the probabilities from the truth, summed over the classes (Brier 1950)."""
    distances = ((probabilities - np.eye(probabilities.shape[1])[labels]) ** 2).sum(axis=1)
    return np.asarray(weights @ distances / weights.sum(axis=1))


def _log_loss(labels: Indices, probabilities: Floats, weights: Floats) -> Floats:
    surprises = -np.log(np.maximum(probabilities[np.arange(len(labels)), labels], 1e-12))
    return np.asarray(weights @ surprises / weights.sum(axis=1))


def bins(confidence: Floats) -> Indices:
    """The bin of each confidence."""
    return np.minimum((confidence * BINS).astype(np.int64), BINS - 1)


def _recall_and_f1(labels: Indices, probabilities: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Both (resamples, classes); nan for a class without images."""
    one_hot = np.eye(probabilities.shape[1])
    true, answered = one_hot[labels], one_hot[probabilities.argmax(axis=1)]
    hits, support, named = weights @ (true * answered), weights @ true, weights @ answered
    support[support == 0] = np.nan
    return hits / support, 2 * hits / (support + named)


def _accuracy(labels: Indices, probabilities: Floats, weights: Floats) -> Floats:
    return np.asarray(weights @ (probabilities.argmax(axis=1) == labels) / weights.sum(axis=1))


def _f1(labels: Indices, probabilities: Floats, weights: Floats) -> Floats:
    return _recall_and_f1(labels, probabilities, weights)[1]


def _balanced_accuracy(labels: Indices, probabilities: Floats, weights: Floats) -> Floats:
    return _mean(_recall_and_f1(labels, probabilities, weights)[0])


def _macro_f1(labels: Indices, probabilities: Floats, weights: Floats) -> Floats:
    return _mean(_f1(labels, probabilities, weights))


def _areas(labels: Indices, probabilities: Floats, weights: Floats) -> Floats:
    """Areas under the ROC curves (resamples, classes), each class against the rest; nan where one side is empty.

    The area is the share of pairs, one image from each side, in which the right one scores higher; ties count half.
    """

    def area(inside: Floats, outside: Floats) -> Floats:
        below = np.cumsum(outside, axis=1) - outside / 2
        return np.asarray((inside * below).sum(axis=1) / (inside.sum(axis=1) * outside.sum(axis=1)))

    return _each_class(labels, probabilities, weights, area)


def _precisions(labels: Indices, probabilities: Floats, weights: Floats) -> Floats:
    """Average precision (resamples, classes), each class against the rest; nan where one side is empty."""

    def average_precision(inside: Floats, outside: Floats) -> Floats:
        found = np.cumsum(inside[:, ::-1], axis=1)
        named = found + np.cumsum(outside[:, ::-1], axis=1)
        precision = np.divide(found, named, out=np.zeros_like(found), where=named > 0)
        return np.asarray((inside[:, ::-1] * precision).sum(axis=1) / inside.sum(axis=1))

    return _each_class(labels, probabilities, weights, average_precision)


def _each_class(
    labels: Indices, probabilities: Floats, weights: Floats, figure: Callable[[Floats, Floats], Floats]
) -> Floats:
    """A figure of the weights of the class and of the rest at each score, from the lowest to the highest."""
    columns = []
    for index in range(probabilities.shape[1]):
        values, place = np.unique(probabilities[:, index], return_inverse=True)
        order, side = np.argsort(place, kind="stable"), labels == index
        starts = np.searchsorted(place[order], np.arange(len(values)))
        inside = np.add.reduceat((weights * side)[:, order], starts, axis=1)
        outside = np.add.reduceat((weights * ~side)[:, order], starts, axis=1)
        both = (inside.sum(axis=1) > 0) & (outside.sum(axis=1) > 0)
        column = np.full(len(weights), np.nan)
        column[both] = figure(inside[both], outside[both])
        columns.append(column)
    return np.stack(columns, axis=1)


def quadratic_kappa(labels: Indices, probabilities: Floats, weights: Floats) -> Floats:
    """Agreement with grades beyond chance, a mistake of two grades counting four times (Cohen 1968).

    1 less the mean squared distance of answer and label over that of all pairs of an answer and a label.
    """
    grades = np.arange(probabilities.shape[1])
    answered = probabilities.argmax(axis=1)
    n = weights.sum(axis=1)
    apart = (grades[:, None] - grades) ** 2
    shares = [weights @ np.eye(len(grades))[each] / n[:, None] for each in (labels, answered)]
    by_chance = ((shares[0] @ apart) * shares[1]).sum(axis=1)
    found = weights @ (labels - answered) ** 2 / n
    return np.where(by_chance > 0, 1 - found / np.where(by_chance > 0, by_chance, 1), np.nan)


def _auroc(labels: Indices, probabilities: Floats, weights: Floats) -> Floats:
    return _mean(_areas(labels, probabilities, weights))


def _average_precision(labels: Indices, probabilities: Floats, weights: Floats) -> Floats:
    return _mean(_precisions(labels, probabilities, weights))


def _mean(values: Floats) -> Floats:
    """Mean over the classes that have a value; nan where none has."""
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


FIGURES: Mapping[str, Figure] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "macro_f1": _macro_f1,
    "auroc": _auroc,
    "average_precision": _average_precision,
    "ece": calibration_error,
    "classwise_ece": _classwise_error,
    "brier": _brier,
    "log_loss": _log_loss,
}
GRADE_FIGURES: Mapping[str, Figure] = {"quadratic_kappa": quadratic_kappa}  # of classes that are grades
CLASS_FIGURES: Mapping[str, Figure] = {
    "f1": _f1,
    "auroc": _areas,
    "average_precision": _precisions,
    "ece": class_errors,
}
RAISED = frozenset({"ece", "classwise_ece"})  # chance alone makes them higher
