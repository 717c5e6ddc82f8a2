"""Areas under ROC curves: where each image stands among those of the other side, and the interval of an area."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from app.inference.arrays import Floats
from app.training.statistics.proportions import Z, design_effect
from app.training.statistics.weighted import Indices

HALVINGS = 40


class Placements(NamedTuple):
    """Of a class against the rest: which images are of it (`side`), and how each side stands to the other.

    `inside`: the share of the rest that each image of the class outscores; `outside`: the share of the class that
    outscores each other image. Ties count half. Either's mean is the area.
    """

    side: NDArray[np.bool_]
    inside: Floats
    outside: Floats


def placements(labels: Indices, probabilities: Floats) -> list[Placements | None]:
    """Those of each class; None where one side is empty."""
    return [_placed(labels == index, column) for index, column in enumerate(probabilities.T)]


def _placed(side: NDArray[np.bool_], scores: Floats) -> Placements | None:
    inside, outside = int(side.sum()), int((~side).sum())
    if not inside or not outside:
        return None
    ranks = rankdata(scores)
    return Placements(
        side,
        (ranks[side] - rankdata(scores[side])) / outside,
        1 - (ranks[~side] - rankdata(scores[~side])) / inside,
    )


def effect(placed: Placements, groups: Sequence[str]) -> float:
    """The design effect of patients on the area."""
    weights = np.where(placed.side, 1 / len(placed.inside), 1 / len(placed.outside))
    residuals = np.empty(len(weights))
    residuals[placed.side] = placed.inside - placed.inside.mean()
    residuals[~placed.side] = placed.outside - placed.outside.mean()
    return design_effect(residuals * weights, groups, weights)


def area_interval(area: float, inside: float, outside: float) -> list[float]:
    """The 95 % interval of an area between so many images of either side; it has width at 0 and at 1, too.

    Newcombe's method 5 (Statistics in Medicine 2006), which puts the limit itself into the variance of Hanley &
    McNeil (Radiology 1982).
    """

    def beyond(limit: float) -> bool:
        more = (inside + outside) / 2 - 1
        shape = 1 + more * (1 - limit) / (2 - limit) + more * limit / (1 + limit)
        return (area - limit) ** 2 > Z**2 * limit * (1 - limit) / (inside * outside) * max(shape, 0.0)

    found = []
    for far in (0.0, 1.0):
        out, within = far, area
        for _ in range(HALVINGS):
            middle = (out + within) / 2
            out, within = (middle, within) if beyond(middle) else (out, middle)
        found.append(within)
    return found
