"""The difference of two models on the same images, with intervals that hold on few images and without a disagreement.

A bootstrap draws from the disagreements that it has seen: without one its interval has no width. The intervals here
come from the score test, or are given what that leaves at the boundary.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from app.inference.arrays import Floats
from app.training.statistics.areas import Placements, placements
from app.training.statistics.proportions import Z, design_effect
from app.training.statistics.weighted import Indices

HALVINGS = 40  # of the search for a limit: to 1e-12
LIKELY = 2.80  # normal quantiles of 97.5 % and of 80 %: with so many images the limit lies inside in 8 of 10 cases
MOST = 1e4  # times as many images: more are no help to anybody


class Difference(NamedTuple):
    """A difference of figures, its 95 % interval, and how many times as many images would tell equal models' by."""

    value: float
    interval: list[float]
    needed: Callable[[float], float | None]


def tango(gained: ArrayLike, lost: ArrayLike, n: ArrayLike, z: float = Z) -> tuple[Floats, Floats]:
    """Limits of the difference (gained - lost) / n of paired proportions (Tango, Statistics in Medicine 1998).

    `gained` and `lost` count the pairs that one alone answers rightly; all may be arrays, and fractions.
    """
    b, c, size = (np.asarray(each, float) for each in np.broadcast_arrays(gained, lost, n))
    found = []
    for far, sign in ((-1.0, 1.0), (1.0, -1.0)):
        outside, inside = np.full(b.shape, far), (b - c) / size
        for _ in range(HALVINGS):
            middle = (outside + inside) / 2
            beyond = sign * _score(b, c, size, middle) > z
            outside, inside = np.where(beyond, middle, outside), np.where(beyond, inside, middle)
        found.append(inside)
    return found[0], found[1]


def _score(gained: Floats, lost: Floats, n: Floats, difference: Floats) -> Floats:
    """Tango's statistic: the variance is that of the likeliest table that has the `difference`."""
    linear = (2 * n - gained + lost) * difference - gained - lost
    root = np.sqrt(np.maximum(linear**2 + 8 * n * lost * difference * (1 - difference), 0))
    discordant = (root - linear) / (2 * n)
    deviation = np.sqrt(np.maximum(n * (discordant + difference * (1 - difference)), 1e-300))
    return np.asarray((gained - lost - n * difference) / deviation)


@dataclass(frozen=True)
class Strata:
    """Pairs by class: `gained`, `lost` and `n`, in as many images as independent ones tell the same.

    Each (classes,), or (classes, test sets) for several at once.
    """

    gained: Floats
    lost: Floats
    n: Floats

    def limits(self, z: float = Z) -> tuple[Floats, Floats, Floats]:
        """The mean of the classes' differences and its limits (MOVER; Zou & Donner, Statistics in Medicine 2008)."""
        each = (self.gained - self.lost) / self.n
        low, high = tango(self.gained, self.lost, self.n, z)
        value, classes = each.mean(axis=0), len(each)
        below, above = (np.sqrt(((end - each) ** 2).sum(axis=0)) / classes for end in (low, high))
        return value, np.maximum(-1.0, value - below), np.minimum(1.0, value + above)

    def equal(self, times: float) -> Strata:
        """What so many times the images would say of two equal models that disagree as often."""
        half = times * (self.gained + self.lost) / 2
        return Strata(half, half, times * self.n)


def right_answers(labels: Indices, right: tuple[Floats, Floats], groups: Sequence[str], by_class: bool) -> Difference:
    """The difference of the shares of right answers, or with `by_class` of their means over the classes.

    `right` are 1 where the new and the old model's answers are right.
    """
    gain = np.asarray(right[0], float) - np.asarray(right[1], float)
    strata = np.unique(labels, return_inverse=True)[1] if by_class else np.zeros(len(labels), int)
    n = np.bincount(strata)
    gained, lost = (np.bincount(strata, gain == sign) for sign in (1, -1))
    weights = 1.0 / n[strata]
    residuals = (gain - ((gained - lost) / n)[strata]) * weights
    effect = design_effect(residuals, groups, weights)
    found = Strata(gained / effect, lost / effect, n / effect)
    value, low, high = (float(each) for each in found.limits())

    def reach(times: float) -> float:
        return float(found.equal(times).limits(LIKELY)[1])

    return Difference(value, [low, high], lambda margin: _times(reach, margin))


def areas_under_roc(labels: Indices, pair: tuple[Floats, Floats], groups: Sequence[str]) -> Difference | None:
    """The difference of the mean areas under the ROC curves, each class against the rest; None if none is defined.

    By the variance of DeLong, DeLong & Clarke-Pearson (Biometrics 1988) and, on either side, what Tango's interval
    leaves without a disagreement. The classes' limits are averaged, as if all erred together.
    """
    both = [(new, old) for new, old in zip(*(placements(labels, found) for found in pair), strict=True) if new and old]
    if not both:
        return None
    sides = [_Sides.of(new, old, groups) for new, old in both]
    value = float(np.mean([each.value for each in sides]))
    half = float(np.mean([each.half(Z) for each in sides]))

    def reach(times: float) -> float:
        return -float(np.mean([each.half(LIKELY, times) for each in sides]))

    return Difference(value, [max(-1.0, value - half), min(1.0, value + half)], lambda margin: _times(reach, margin))


class _Sides(NamedTuple):
    """A class against the rest: the difference of the areas, and of either side the variance and the size."""

    value: float
    variances: tuple[float, float]
    sizes: tuple[float, float]

    @classmethod
    def of(cls, new: Placements, old: Placements, groups: Sequence[str]) -> _Sides:
        gains = new.inside - old.inside, new.outside - old.outside
        weights = np.where(new.side, 1 / len(gains[0]), 1 / len(gains[1]))
        residuals = np.empty(len(weights))
        residuals[new.side], residuals[~new.side] = (gain - gain.mean() for gain in gains)
        effect = design_effect(residuals * weights, groups, weights)
        first, second = (float(gain.var()) for gain in gains)
        return cls(float(gains[0].mean()), (first, second), (len(gains[0]) / effect, len(gains[1]) / effect))

    def half(self, z: float, times: float = 1.0) -> float:
        parts = [
            z**2 * variance / (times * n) + (z**2 / (times * n + z**2)) ** 2
            for variance, n in zip(self.variances, self.sizes, strict=True)
        ]
        return math.sqrt(sum(parts))


def _times(low: Callable[[float], float], margin: float) -> float | None:
    """By how many times the images the lower limit of equal models comes within the margin; None where by no means."""
    if low(MOST) < -margin:
        return None
    few, many = 0.0, MOST
    for _ in range(HALVINGS):
        middle = (few + many) / 2
        few, many = (few, middle) if low(middle) >= -margin else (middle, many)
    return many
