"""From all that is known about one image to the one word that a user acts on."""

from __future__ import annotations

from typing import Literal

Decision = Literal["out_of_distribution", "ungradable", "uncertain", "refer", "no_refer", "accept"]


def decide(
    *,
    in_distribution: bool,
    gradable: bool,
    set_size: int,
    positive_probability: float | None,
    operating_point: float | None,
) -> Decision:
    """Name the first thing that holds: not the model's kind of image, ungradable, several classes possible.

    Only then the answer counts: a screening (one with an operating point) refers or not, any other accepts.
    """
    if not in_distribution:
        return "out_of_distribution"
    if not gradable:
        return "ungradable"
    if set_size > 1:
        return "uncertain"
    if operating_point is None or positive_probability is None:
        return "accept"
    return "refer" if positive_probability >= operating_point else "no_refer"
