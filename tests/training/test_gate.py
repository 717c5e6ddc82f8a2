from typing import Any

import pytest

from app.classifiers.spec import PromotionSpec
from app.training.gate import judge


def _figures(value: float | None, high: float = 1.0, images: str = "same") -> dict[str, Any]:
    intervals = {"balanced_accuracy": [0.0, high], "auroc": None}
    return {"n": 50, "images_sha256": images, "balanced_accuracy": value, "auroc": None, "intervals": intervals}


@pytest.mark.parametrize(
    ("challenger", "champion", "margin", "promote", "undecided"),
    [
        (0.50, None, 0.0, True, False),
        (0.90, 0.90, 0.0, True, False),
        (0.95, 0.90, 0.0, True, False),
        (0.89, 0.90, 0.02, True, False),
        (0.80, 0.90, 0.0, False, False),
        (0.80, 0.90, 0.05, False, True),
    ],
)
def test_the_challenger_must_be_no_worse(
    challenger: float, champion: float | None, margin: float, promote: bool, undecided: bool
) -> None:
    old = None if champion is None else _figures(champion)
    verdict = judge(_figures(challenger, high=0.86), old, PromotionSpec(margin=margin))
    assert (verdict.promote, verdict.undecided) == (promote, undecided)
    assert verdict.figures["challenger"] == challenger
    assert verdict.reasons


def test_different_test_images_decide_nothing() -> None:
    verdict = judge(_figures(0.9), _figures(0.1, images="other"), PromotionSpec())
    assert (verdict.promote, verdict.undecided) == (False, True)


def test_an_undefined_metric_decides_nothing() -> None:
    verdict = judge(_figures(0.9), _figures(0.9), PromotionSpec(metric="auroc"))
    assert (verdict.promote, verdict.undecided) == (False, True)


@pytest.mark.parametrize(("policy", "undecided"), [("manual", True), ("never", False)])
def test_the_policy_goes_before_the_figures(policy: str, undecided: bool) -> None:
    verdict = judge(_figures(0.9), _figures(0.1), PromotionSpec.model_validate({"policy": policy}))
    assert (verdict.promote, verdict.undecided) == (False, undecided)
