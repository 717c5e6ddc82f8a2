"""The promotion gate: whether a challenger may take the champion's place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.classifiers.spec import PromotionSpec


@dataclass(frozen=True)
class Verdict:
    """The decision with its reasons and figures; an undecided challenger waits for a person."""

    promote: bool
    undecided: bool
    reasons: tuple[str, ...]
    figures: dict[str, Any]


def judge(challenger: Mapping[str, Any], champion: Mapping[str, Any] | None, promotion: PromotionSpec) -> Verdict:
    """Compare two evaluations on the same test images by the promotion's metric, margin and policy.

    The challenger wins when its metric is no lower than the champion's less the margin. Where it is lower, but
    the 95 % interval still reaches that bar, the images are too few to tell and the verdict is undecided.
    """
    figures = _figures(challenger, champion, promotion)
    if promotion.policy == "never":
        return Verdict(False, False, ("The policy is never to promote by itself.",), figures)
    promote, undecided, reason = _compare(figures, promotion.metric)
    if promotion.policy == "manual":
        return Verdict(False, True, (reason, "The policy leaves the promotion to a person."), figures)
    return Verdict(promote, undecided, (reason,), figures)


def _figures(
    challenger: Mapping[str, Any], champion: Mapping[str, Any] | None, promotion: PromotionSpec
) -> dict[str, Any]:
    """What the decision rests on."""
    name = promotion.metric
    return {
        "metric": name,
        "margin": promotion.margin,
        "challenger": challenger[name],
        "challenger_interval": challenger["intervals"][name],
        "champion": None if champion is None else champion[name],
        "champion_interval": None if champion is None else champion["intervals"][name],
        "images": challenger["n"],
        "same_images": champion is None or champion["images_sha256"] == challenger["images_sha256"],
    }


def _compare(figures: Mapping[str, Any], metric: str) -> tuple[bool, bool, str]:
    """(promote, undecided, reason) by the figures alone."""
    name = metric.replace("_", " ")
    new, old, interval = figures["challenger"], figures["champion"], figures["challenger_interval"]
    if not figures["same_images"]:
        return False, True, "The two were not evaluated on the same test images."
    if new is None:
        return False, True, f"The challenger's {name} is undefined on these test images."
    if old is None:
        return True, False, "There is no champion to compare it with."
    bar = old - figures["margin"]
    compared = f"{name}: {new:.3f} against the champion's {old:.3f}, margin {figures['margin']:.3f}"
    if new >= bar:
        return True, False, f"It is no worse, {compared}."
    if interval is not None and interval[1] >= bar:
        return False, True, f"It may be worse, but the test images are too few to tell, {compared}."
    return False, False, f"It is worse, {compared}."
