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
    """Decide by the figures of `app.training.evaluation.comparison`; None where there is no champion to compare with.

    The interval of the difference decides. Wholly above minus the margin and not wholly below zero: promote. Wholly
    below zero: the challenger is worse, and stays out unless the margin covers it, which a person may weigh. Else
    the test images are too few to tell. Answers or calibration that are clearly worse keep it waiting, too.
    A `demonstration` model, which has learned from drawings, keeps its place only from a challenger that is worse.
    """
    figures = {"metric": promotion.metric, "margin": promotion.margin, **(comparison or {})}
    if promotion.policy == "never":
        return Verdict(False, False, ("The policy is never to promote by itself.",), figures)
    promote, undecided, reasons = _decide(comparison, promotion)
    reasons += _worn(figures)
    if promotion.policy == "manual":
        return Verdict(False, True, (*reasons, "The policy leaves the promotion to a person."), figures)
    return Verdict(promote, undecided, reasons, figures)


def _decide(figures: Mapping[str, Any] | None, promotion: PromotionSpec) -> tuple[bool, bool, tuple[str, ...]]:
    """(promote, undecided, reasons) by the figures alone."""
    name = promotion.metric.replace("_", " ") + (" of the referral" if figures and figures.get("of") else "")
    if figures is None:
        return True, False, ("There is no champion to compare it with.",)
    if figures.get("demonstration"):
        return _replace_demonstration(figures, name)
    if obstacle := _obstacle(figures, name):
        return False, True, (obstacle,)
    (low, high), bar = figures["interval"], -promotion.margin
    shown = f"{_compared(figures, name)}, margin {promotion.margin:.3f}. {_left_out(figures)}".strip()
    if high < 0:
        small = low >= bar
        return False, small, (f"It is {'slightly worse, if within the margin' if small else 'worse'}: {shown}",)
    doubts = _doubts(figures)
    if low >= bar:
        return not doubts, bool(doubts), (f"It is no worse: {shown}", *doubts)
    reason = f"Undecided: it may be worse, and the test images are too few to tell: {shown}"
    return False, True, (reason, *_needed(figures))


def _obstacle(figures: Mapping[str, Any], name: str) -> str | None:
    """Why the two cannot be compared."""
    if not figures["images"]:
        return f"There is no test image to compare it on. {_left_out(figures)}".strip()
    if not figures["same_classes"]:
        return "It does not know the same classes as the champion."
    if figures.get("interval") is None:
        return f"The {name} is undefined on these test images."
    if missing := figures.get("missing"):
        return f"No test image shows {', '.join(missing)}, so nothing is known of it. {_left_out(figures)}".strip()
    return None


def _replace_demonstration(figures: Mapping[str, Any], name: str) -> tuple[bool, bool, tuple[str, ...]]:
    """What answers nothing about photographs need not be shown to be no better on them."""
    what = "The champion is a demonstration model, which learned from drawings"
    interval = figures.get("interval")
    if interval is None:
        return True, False, (f"{what}.",)
    shown = f"{_compared(figures, name)}."
    if interval[1] < 0:
        return False, True, (f"{what}, and yet it is better: {shown}",)
    return True, False, (f"{what}, and nothing shows that it is better: {shown}",)


def _compared(figures: Mapping[str, Any], name: str) -> str:
    low, high = figures["interval"]
    return (
        f"{name} {figures['challenger']:.3f} against the champion's {figures['champion']:.3f} on the same"
        f" {figures['images']} test images, difference {figures['difference']:+.3f} [{low:+.3f}, {high:+.3f}]"
    )


def _left_out(figures: Mapping[str, Any]) -> str:
    count = figures.get("left_out", 0)
    return f"{count} test images of patients that the champion learned from were left out." if count else ""


def _needed(figures: Mapping[str, Any]) -> tuple[str, ...]:
    """How many test images would tell, in words."""
    needed = figures.get("needed")
    if not needed:
        return ()
    rarest = min(needed, key=needed.__getitem__)
    told = f"{sum(needed.values()):,} test images like these, {needed[rarest]:,} of them of the class {rarest},"
    return (f"About {told} would tell if the two are equally good. Until then a person may promote it.",)


def _worn(figures: Mapping[str, Any]) -> tuple[str, ...]:
    """That the test images were used too often to be believed without more ado."""
    test_set = figures.get("test_set", {})
    if not test_set.get("fresh_needed"):
        return ()
    return (f"These test images have been used {test_set['used']} times: add fresh ones before you rely on this.",)


def _doubts(figures: Mapping[str, Any]) -> list[str]:
    """What speaks against a challenger whose metric is no worse."""
    doubts, answers, rise = [], figures["mcnemar"], figures["calibration_rise_interval"]
    if answers["p"] < SIGNIFICANCE and answers["lost"] > answers["gained"]:
        doubts.append(f"But it loses {answers['lost']} right answers and gains {answers['gained']} (McNemar).")
    if rise is not None and rise[0] > CALIBRATION_MARGIN:
        doubts.append(f"But its calibration error is higher by {figures['calibration_rise']:.3f}.")
    return doubts
