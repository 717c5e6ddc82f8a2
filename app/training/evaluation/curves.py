"""Curves for charts: receiver operating characteristic, precision and recall, reliability; each of few points."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import precision_recall_curve, roc_curve

from app.inference.arrays import Floats
from app.training.statistics.proportions import wilson
from app.training.statistics.weighted import BINS, Indices, bins

POINTS = 100
CLASSES = 20  # a classifier with hundreds of classes gets the curves of this many


def class_curves(labels: Indices, probabilities: Floats, index: int) -> dict[str, dict[str, list[float]]] | None:
    """The curves of a class against the rest; None where one side is empty.

    `roc` holds `false_positive_rate` and `sensitivity`, `precision_recall` holds `recall` and `precision`.
    """
    side, scores = labels == index, probabilities[:, index]
    if side.all() or not side.any():
        return None
    alarms, found, _ = roc_curve(side, scores)
    precision, recall, _ = precision_recall_curve(side, scores, drop_intermediate=True)
    return {
        "roc": {"false_positive_rate": _thinned(alarms), "sensitivity": _thinned(found)},
        "precision_recall": {"recall": _thinned(recall), "precision": _thinned(precision)},
    }


def reliability(labels: Indices, probabilities: Floats) -> list[dict[str, Any]]:
    """For each bin of confidence that holds images: how sure the model was, and how often it was right."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    place, found = bins(confidence), []
    for index in np.unique(place):
        inside = place == index
        count, hits = int(inside.sum()), int(right[inside].sum())
        found.append(
            {
                "low": float(index / BINS),
                "high": float((index + 1) / BINS),
                "count": count,
                "confidence": float(confidence[inside].mean()),
                "accuracy": hits / count,
                "interval": wilson(hits, count),
            }
        )
    return found


def _thinned(values: Floats) -> list[float]:
    """At most POINTS of the values, evenly spread, both ends among them."""
    chosen = np.unique(np.linspace(0, len(values) - 1, POINTS).round().astype(int))
    return [round(float(value), 4) for value in values[chosen]]
