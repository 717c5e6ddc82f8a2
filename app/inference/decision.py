"""From all that is known about one image to the one word that a user acts on."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

Decision = Literal["out_of_distribution", "ungradable", "uncertain", "refer", "no_refer", "accept"]
UNFIT: tuple[Decision, ...] = ("out_of_distribution", "ungradable")  # images of which no class can be told
ANSWERED: frozenset[Decision] = frozenset({"refer", "no_refer", "accept"})  # the others leave it to a person


def decide(
    *,
    in_distribution: bool,
    gradable: bool,
    possible: Collection[str],
    positive: str | None,
    above: bool | None,
) -> Decision:
    """Name the first thing that holds: not the model's kind of image, ungradable, not exactly one class possible.

    `possible` is the prediction set. Only with one class in it the answer counts: a classifier without an operating
    point (`above` None) accepts it. A screening, which looks for the class `positive`, refers where that is the one
    possible class and its probability is `above` the operating point, and does not refer where neither holds. Where
    the two disagree it is uncertain: a disease that one of them leaves possible is never `no_refer`.
    """
    if not in_distribution:
        return "out_of_distribution"
    if not gradable:
        return "ungradable"
    if len(possible) != 1:
        return "uncertain"
    if above is None:
        return "accept"
    if (positive in possible) != above:
        return "uncertain"
    return "refer" if above else "no_refer"
