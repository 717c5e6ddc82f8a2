"""Do today's images look like the training images? Histograms compared by the population stability index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from app.errors import InvalidInput

WATCH, DRIFTED = 0.1, 0.25
_SMALLEST_SHARE = 1e-4  # an empty bin must not make the index infinite


def histogram(values: Sequence[float], edges: Sequence[float]) -> list[float]:
    """Share of the values in each of the len(edges) - 1 bins; the outer ones hold what lies beyond, too."""
    if len(values) == 0:
        raise InvalidInput("A histogram needs at least one value.")
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    return [float(share) for share in counts / len(values)]


def psi(reference: Sequence[float], current: Sequence[float]) -> float:
    """Compute the population stability index of two histograms over the same bins; 0 when equal."""
    if len(reference) != len(current):
        raise InvalidInput("Two histograms can be compared only over the same bins.")
    expected, actual = np.maximum(reference, _SMALLEST_SHARE), np.maximum(current, _SMALLEST_SHARE)
    return float(((actual - expected) * np.log(actual / expected)).sum())


def verdict(index: float) -> Literal["stable", "watch", "drifted"]:
    """Read a population stability index by the customary limits of 0.1 and 0.25."""
    if index < WATCH:
        return "stable"
    return "watch" if index < DRIFTED else "drifted"
