"""The promotion gate: whether a challenger may take the champion's place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.classifiers.spec import PromotionSpec

SIGNIFICANCE = 0.05
CALIBRATION_MARGIN = 0.05  # calibration error by which a challenger may not have become worse for sure


@dataclass(frozen=True)
class Verdict:
    """The decision with its reasons and figures; an undecided challenger waits for a person."""

    promote: bool
    undecided: bool
    reasons: tuple[str, ...]
    figures: dict[str, Any]


def judge(comparison: Mapping[str, Any] | None, promotion: PromotionSpec) -> Verdict:
    """Decide by the figures of `app.training.comparison`; None where there is no champion to compare with.

    The interval of the difference decides. Wholly above minus the margin and not wholly below zero: promote. Wholly
    below zero: the challenger is worse, and stays out unless the margin covers it, which a person may weigh. Else
    the test images are too few to tell. Answers or calibration that are clearly worse keep it waiting, too.
    """
    figures = {"metric": promotion.metric, "margin": promotion.margin, **(comparison or {})}
    if promotion.policy == "never":
        return Verdict(False, False, ("The policy is never to promote by itself.",), figures)
    promote, undecided, reasons = _decide(comparison, promotion)
    if promotion.policy == "manual":
        return Verdict(False, True, (*reasons, "The policy leaves the promotion to a person."), figures)
    return Verdict(promote, undecided, reasons, figures)


def _decide(figures: Mapping[str, Any] | None, promotion: PromotionSpec) -> tuple[bool, bool, tuple[str, ...]]:
    """(promote, undecided, reasons) by the figures alone."""
    name = promotion.metric.replace("_", " ")
    if figures is None:
        return True, False, ("There is no champion to compare it with.",)
    if not figures["same_classes"]:
        return False, True, ("It does not know the same classes as the champion.",)
    if figures["interval"] is None:
        return False, True, (f"The {name} is undefined on these test images.",)
    (low, high), bar = figures["interval"], -promotion.margin
    shown = f"{_compared(figures, name)}, margin {promotion.margin:.3f}."
    if high < 0:
        small = low >= bar
        return False, small, (f"It is {'slightly worse, if within the margin' if small else 'worse'}: {shown}",)
    if low < bar:
        return False, True, (f"It may be worse, and the test images are too few to tell: {shown}",)
    doubts = _doubts(figures)
    return not doubts, bool(doubts), (f"It is no worse: {shown}", *doubts)


def _compared(figures: Mapping[str, Any], name: str) -> str:
    low, high = figures["interval"]
    return (
        f"{name} {figures['challenger']:.3f} against the champion's {figures['champion']:.3f} on the same"
        f" {figures['images']} test images, difference {figures['difference']:+.3f} [{low:+.3f}, {high:+.3f}]"
    )


def _doubts(figures: Mapping[str, Any]) -> list[str]:
    """What speaks against a challenger whose metric is no worse."""
    doubts, answers, rise = [], figures["mcnemar"], figures["calibration_rise_interval"]
    if answers["p"] < SIGNIFICANCE and answers["lost"] > answers["gained"]:
        doubts.append(f"But it loses {answers['lost']} right answers and gains {answers['gained']} (McNemar).")
    if rise is not None and rise[0] > CALIBRATION_MARGIN:
        doubts.append(f"But its calibration error is higher by {figures['calibration_rise']:.3f}.")
    return doubts
