"""Intervals of figures that are no proportions: the percentile bootstrap over groups (Efron 1979)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.inference.arrays import Floats

RESAMPLES = 1000
CHUNK = 100  # resamples at a time, which bounds the memory
SEED = 20_240_229
Indices = NDArray[np.int64]


def intervals(labels: Indices, probabilities: Floats, groups: Sequence[str]) -> dict[str, list[float] | None]:
    """[low, high] at 95 % of balanced_accuracy, macro_f1 and auroc; None where it is undefined.

    Whole groups are drawn, since the images of one patient resemble one another. A resample in which no class
    defines a figure does not count for it.
    """
    _, group = np.unique(groups, return_inverse=True)
    random = np.random.default_rng(SEED)
    n_groups = int(group.max()) + 1
    found: dict[str, list[Floats]] = {"balanced_accuracy": [], "macro_f1": [], "auroc": []}
    for _ in range(RESAMPLES // CHUNK):
        drawn = random.multinomial(n_groups, np.full(n_groups, 1 / n_groups), CHUNK)
        weights = drawn[:, group].astype(float)  # (resamples, images): how often each image was drawn
        recall, f1 = _recall_and_f1(labels, probabilities, weights)
        found["balanced_accuracy"].append(_mean(recall))
        found["macro_f1"].append(_mean(f1))
        found["auroc"].append(_mean(_areas(labels, probabilities, weights)))
    return {name: _percentiles(np.concatenate(parts)) for name, parts in found.items()}


def _recall_and_f1(labels: Indices, probabilities: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Both (resamples, classes); nan for a class without images."""
    one_hot = np.eye(probabilities.shape[1])
    true, answered = one_hot[labels], one_hot[probabilities.argmax(axis=1)]
    hits, support, named = weights @ (true * answered), weights @ true, weights @ answered
    support[support == 0] = np.nan
    return hits / support, 2 * hits / (support + named)


def _areas(labels: Indices, probabilities: Floats, weights: Floats) -> Floats:
    """Areas under the ROC curves (resamples, classes), each class against the rest; nan where one side is empty."""
    areas = [_area(labels == index, probabilities[:, index], weights) for index in range(probabilities.shape[1])]
    return np.stack(areas, axis=1)


def _area(side: NDArray[np.bool_], scores: Floats, weights: Floats) -> Floats:
    """Share of pairs, one image from each side, in which the right one has the higher score; ties count half."""
    values, place = np.unique(scores, return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(len(values)))
    inside = np.add.reduceat((weights * side)[:, order], starts, axis=1)
    outside = np.add.reduceat((weights * ~side)[:, order], starts, axis=1)
    below = np.cumsum(outside, axis=1) - outside / 2
    pairs = inside.sum(axis=1) * outside.sum(axis=1)
    pairs[pairs == 0] = np.nan
    return np.asarray((inside * below).sum(axis=1) / pairs)


def _mean(values: Floats) -> Floats:
    """Mean over the classes that have a value; nan where none has."""
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _percentiles(values: Floats) -> list[float] | None:
    """The 2.5th and the 97.5th percentile of the defined values."""
    known = values[~np.isnan(values)]
    return [float(each) for each in np.percentile(known, [2.5, 97.5])] if len(known) else None
