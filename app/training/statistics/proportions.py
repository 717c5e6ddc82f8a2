"""Intervals of proportions: Wilson's, widened where the images of one patient resemble one another."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.inference.arrays import Floats

Z = 1.959963984540054  # of 95 %


def wilson(successes: float, n: float) -> list[float] | None:
    """Wilson's 95 % interval of a proportion (1927); None of nothing."""
    if n <= 0:
        return None
    share = successes / n
    centre = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return [max(0.0, centre - half), min(1.0, centre + half)]


def proportion(hits: NDArray[np.bool_], groups: Sequence[str]) -> list[float] | None:
    """The 95 % interval of a share of images whose `groups` are patients; None of nothing.

    Wilson's, with as many images as independent ones would tell the same (Rao & Scott 1992).
    """
    if len(hits) == 0:
        return None
    share, n = float(hits.mean()), len(hits)
    effect = design_effect(hits - share, groups)
    return wilson(share * n / effect, n / effect)


def design_effect(residuals: Floats, groups: Sequence[str], weights: Floats | None = None) -> float:
    """By how much the variance of a sum of `residuals` (n,) is larger than that of independent images; at least 1.

    Few residuals tell little of how patients differ. So one patient of the mean size is added whose images all err
    together: where no image errs, each patient counts once. `weights` (n,) are those of the images in the figure.
    """
    weight = np.ones(len(residuals)) if weights is None else weights
    group = np.unique(groups, return_inverse=True)[1]
    spread, base = (np.bincount(group, residuals) ** 2).sum(), (residuals**2).sum()
    together = (np.bincount(group, weight) ** 2).sum() / (weight**2).sum()
    added = (weight**2).mean() * len(weight) / (group.max() + 1)
    return max(1.0, float((spread + together * added) / (base + added)))


def mean_interval(values: Sequence[float], intervals: Sequence[Sequence[float]], shared: float) -> list[float]:
    """The interval of a mean of figures from theirs (MOVER, Zou & Donner 2008); an error counts in `shared` of them.

    1: the figures are of different images. As many as there are: all err together, and the limits are averaged.
    """
    count, ends = len(values), np.array(intervals, float)
    middle = float(np.mean(values))
    below, above = (math.sqrt(shared * ((end - np.array(values)) ** 2).sum()) / count for end in ends.T)
    return [max(0.0, middle - below), min(1.0, middle + above)]
