"""Intervals of proportions: Wilson's, widened where the images of one patient resemble one another."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

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

    Wilson's, with as many images as independent ones would tell the same (Rao & Scott 1992). Where all images
    agree, nothing is known of how patients differ, and each patient counts once.
    """
    if len(hits) == 0:
        return None
    group = np.unique(groups, return_inverse=True)[1]
    sizes, n = np.bincount(group), len(hits)
    share = float(hits.mean())
    if share in (0.0, 1.0):
        return wilson(share * len(sizes), len(sizes))
    spread = float(((np.bincount(group, hits) - share * sizes) ** 2).sum())
    effect = max(1.0, spread / (n * share * (1 - share)))
    return wilson(share * n / effect, n / effect)
