"""Do today's images look like the training images? Histograms compared by the population stability index.

What is more than chance is told by windows of the same size that are drawn from the reference itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import numpy as np

from app.errors import InvalidInput
from app.inference.arrays import Floats

LARGE = 0.25  # the index from which a change is customarily called large
ALPHA = 0.05  # how often any measure may raise a false alarm
WINDOWS = (30, 40, 50, 65, 80, 100, 125, 160, 200, 250, 320, 400, 500, 640, 800, 1000)  # so few limits are kept
SIMULATED = 20_000
SEED = 20_240_229
_HALF = 0.5  # a count added to every bin, so that an empty one does not make the index infinite (Jeffreys)


def window(images: int) -> int:
    """The largest window that so many images fill; 0 where they are too few."""
    return max((size for size in WINDOWS if size <= images), default=0)


def count(values: Sequence[float], edges: Sequence[float]) -> list[int]:
    """How many values are in each of the len(edges) - 1 bins; the outer ones hold what lies beyond, too."""
    if len(values) == 0:
        raise InvalidInput("A histogram needs at least one value.")
    return [int(each) for each in np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0]]


def histogram(values: Sequence[float], edges: Sequence[float]) -> list[float]:
    """The share of the values in each bin."""
    return [each / len(values) for each in count(values, edges)]


def psi(reference: Sequence[float], counts: Sequence[float]) -> float:
    """Compute the population stability index of `counts` against the `reference` shares of the same bins."""
    if len(reference) != len(counts):
        raise InvalidInput("Two histograms can be compared only over the same bins.")
    return float(_indices(np.array(reference, float), np.array([counts], float))[0])


@lru_cache(maxsize=512)
def limit(reference: tuple[float, ...], known: int, images: int, measures: int) -> float:
    """The index that `images` of the reference's own kind exceed by chance in ALPHA of the cases, by any of `measures`.

    Resampled: the reference's shares are those of `known` images, so the true ones are drawn around them (Dirichlet),
    and windows from these. Bonferroni's correction for the measures: whatever they share, ALPHA holds for all.
    """
    random = np.random.default_rng(SEED)
    shares = random.dirichlet(_between(np.array(reference), known), SIMULATED)
    drawn = _indices(np.array(reference), random.multinomial(images, shares).astype(float))
    return float(np.quantile(drawn, 1 - ALPHA / measures, method="higher"))


def _between(reference: Floats, known: int) -> Floats:
    """The parameters of the Dirichlet distribution of what lies between quantiles of `known` values.

    The ranks of the quantiles are so far apart, of known + 1; beyond the outermost values one more is at each end.
    """
    apart = np.maximum((known - 1) * reference, _HALF)
    apart[[0, -1]] += 1
    return apart


def verdict(index: float, limit: float) -> Literal["stable", "watch", "drifted"]:
    """Read an index: chance may explain it, or it is more, if little ("watch"), or it is more and large ("drifted")."""
    if index <= limit:
        return "stable"
    return "drifted" if index >= LARGE else "watch"


def _indices(reference: Floats, counts: Floats) -> Floats:
    """The index of each row of counts (windows, bins)."""
    bins = len(reference)
    shares = (counts + _HALF) / (counts.sum(axis=1, keepdims=True) + _HALF * bins)
    expected = np.maximum(reference, 1e-4)
    return np.asarray(((shares - expected) * np.log(shares / expected)).sum(axis=1))
