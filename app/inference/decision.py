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
    referred: Collection[str],
    above: bool | None,
) -> Decision:
    """Name the first thing that holds: not the model's kind of image, ungradable, not clear from the prediction set.

    `possible` is the prediction set. A classifier without an operating point (`above` None) accepts the answer where
    one class is possible. A screening, which looks for the classes `referred`, refers where all possible ones are of
    these and their probability is `above` the operating point, and does not refer where none is and it is not. Where
    the two disagree, and where both sides are possible or no class is, it is uncertain: a disease that one of them
    leaves possible is never `no_refer`.
    """
    if not in_distribution:
        return "out_of_distribution"
    if not gradable:
        return "ungradable"
    if above is None:
        return "accept" if len(possible) == 1 else "uncertain"
    if {name in referred for name in possible} != {above}:
        return "uncertain"
    return "refer" if above else "no_refer"
