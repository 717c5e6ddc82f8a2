from __future__ import annotations

from typing import Any

import pytest

from app.classifiers.spec import PromotionSpec
from app.training.evaluation.gate import judge


def _comparison(interval: tuple[float, float] | None, **changes: object) -> dict[str, Any]:
    middle = None if interval is None else sum(interval) / 2
    return {
        "images": 100,
        "same_classes": True,
        "challenger": 0.9,
        "champion": None if middle is None else 0.9 - middle,
        "difference": middle,
        "interval": interval and list(interval),
        "mcnemar": {"gained": 3, "lost": 2, "p": 1.0},
        "calibration_rise": 0.0,
        "calibration_rise_interval": [-0.01, 0.01],
        **changes,
    }


@pytest.mark.parametrize(
    ("interval", "margin", "promote", "undecided", "reason"),
    [
        ((0.0, 0.0), 0.0, True, False, "no worse"),  # the same answers
        ((0.01, 0.08), 0.0, True, False, "no worse"),  # better
        ((-0.02, 0.04), 0.03, True, False, "no worse"),  # as good, within the margin
        ((-0.02, 0.04), 0.0, False, True, "too few to tell"),  # the interval spans the margin
        ((-0.10, 0.12), 0.03, False, True, "Undecided"),
        ((-0.02, -0.01), 0.03, False, True, "slightly worse"),  # surely worse, if by little: a person may weigh it
        ((-0.04, -0.01), 0.03, False, False, "is worse"),  # surely worse, and perhaps by more than the margin
        ((-0.20, -0.10), 0.03, False, False, "is worse"),
    ],
)
def test_the_interval_of_the_difference_decides(
    interval: tuple[float, float], margin: float, promote: bool, undecided: bool, reason: str
) -> None:
    verdict = judge(_comparison(interval), PromotionSpec(margin=margin))
    assert (verdict.promote, verdict.undecided) == (promote, undecided)
    assert reason in verdict.reasons[0]
    assert verdict.figures["interval"] == list(interval)
    assert verdict.figures["margin"] == margin


def test_without_a_champion_there_is_nothing_to_be_worse_than() -> None:
    assert judge(None, PromotionSpec()).promote


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"mcnemar": {"gained": 2, "lost": 14, "p": 0.004}}, "loses 14 right answers"),
        ({"calibration_rise": 0.12, "calibration_rise_interval": [0.07, 0.15]}, "calibration error is higher by 0.120"),
        ({"same_classes": False}, "same classes"),
    ],
)
def test_a_doubt_leaves_the_decision_to_a_person(changes: dict[str, Any], reason: str) -> None:
    verdict = judge(_comparison((0.0, 0.05), **changes), PromotionSpec())
    assert (verdict.promote, verdict.undecided) == (False, True)
    assert reason in verdict.reasons[-1]


@pytest.mark.parametrize(
    "changes",
    [
        {"mcnemar": {"gained": 14, "lost": 2, "p": 0.004}},  # surely different, and better
        {"mcnemar": {"gained": 3, "lost": 5, "p": 0.73}},  # more lost, and chance explains it
        {"calibration_rise": 0.12, "calibration_rise_interval": None},
        {"calibration_rise": 0.12, "calibration_rise_interval": [0.04, 0.2]},
    ],
)
def test_half_a_doubt_is_none(changes: dict[str, Any]) -> None:
    verdict = judge(_comparison((0.0, 0.05), **changes), PromotionSpec())
    assert (verdict.promote, verdict.undecided, len(verdict.reasons)) == (True, False, 1)


@pytest.mark.parametrize(
    ("interval", "promote"), [((-0.3, 0.4), True), ((-0.3, -0.1), False), ((0.2, 0.4), True), (None, True)]
)
def test_a_demonstration_model_gives_way_unless_it_is_better(
    interval: tuple[float, float] | None, promote: bool
) -> None:
    verdict = judge(_comparison(interval, demonstration=True), PromotionSpec())
    assert (verdict.promote, verdict.undecided) == (promote, not promote)
    assert "drawings" in verdict.reasons[0]
    assert not judge(_comparison(interval, demonstration=True), PromotionSpec(policy="manual")).promote


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"images": 0, "left_out": 7}, "no test image to compare it on. 7 test images"),
        ({"missing": ["cat"], "left_out": 2}, "No test image shows cat"),
    ],
)
def test_without_test_images_that_are_fair_to_both_a_person_decides(changes: dict[str, Any], reason: str) -> None:
    verdict = judge(_comparison((0.1, 0.2), **changes), PromotionSpec())
    assert (verdict.promote, verdict.undecided) == (False, True)
    assert reason in verdict.reasons[0]


def test_test_images_that_were_used_too_often_are_told() -> None:
    worn = {"used": 17, "fresh_needed": True}
    assert "used 17 times" in judge(_comparison((0.1, 0.2), test_set=worn), PromotionSpec()).reasons[-1]


def test_an_undefined_metric_decides_nothing() -> None:
    verdict = judge(_comparison(None), PromotionSpec(metric="auroc"))
    assert (verdict.promote, verdict.undecided) == (False, True)


@pytest.mark.parametrize(("policy", "undecided"), [("manual", True), ("never", False)])
@pytest.mark.parametrize("comparison", [None, _comparison((0.1, 0.2))])
def test_the_policy_goes_before_the_figures(policy: str, undecided: bool, comparison: dict[str, Any] | None) -> None:
    verdict = judge(comparison, PromotionSpec.model_validate({"policy": policy}))
    assert (verdict.promote, verdict.undecided) == (False, undecided)
