from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.classifiers.spec import PromotionSpec, Screening
from app.training.data.samples import Sample
from app.training.evaluation.comparison import Contender, compare
from app.training.evaluation.gate import judge

CLASSES = ("a", "b")


def _samples(n: int, images_per_patient: int = 1) -> list[Sample]:
    return [
        Sample(Path(f"{i}.jpg"), f"{i:064x}", CLASSES[i % 2], "test", f"p{i // images_per_patient}") for i in range(n)
    ]


def _contender(right: np.ndarray[Any, Any], classes: tuple[str, ...] = CLASSES) -> Contender:
    """A model that is right where told, with the confidence of its accuracy."""
    labels = np.arange(len(right)) % 2
    answers = np.where(right, labels, 1 - labels)
    sure = np.clip(right.mean(), 0.6, 0.97)
    probabilities = np.full((len(right), 2), 1 - sure)
    probabilities[np.arange(len(right)), answers] = sure
    return Contender(classes, probabilities, 1.0, 1000)


def _right(n: int, wrong: int) -> np.ndarray[Any, Any]:
    """All right but for the first images."""
    return np.arange(n) >= wrong


def test_a_model_against_itself_differs_in_nothing_and_few_images_do_not_prove_it() -> None:
    for n, promoted in ((40, False), (400, True)):
        one = _contender(_right(n, n // 8))
        found = compare(one, one, _samples(n), PromotionSpec())
        verdict = judge(found, PromotionSpec())
        low, high = found["interval"]
        assert found["difference"] == 0.0
        assert low < 0 < high
        assert found["mcnemar"] == {"gained": 0, "lost": 0, "p": 1.0}
        assert (verdict.promote, verdict.undecided) == (promoted, not promoted)
        json.dumps(found, allow_nan=False)


def test_an_undecided_comparison_says_how_many_images_would_tell() -> None:
    one = _contender(_right(40, 5))
    found = compare(one, one, _samples(40), PromotionSpec())
    few, many = found["needed"].values()
    assert few == many > 150  # of each class; both are needed
    assert f"About {2 * few:,} test images" in judge(found, PromotionSpec()).reasons[1]
    enough = _contender(_right(2 * few, 5))
    assert compare(enough, enough, _samples(2 * few), PromotionSpec())["needed"] is None
    assert compare(one, one, _samples(40), PromotionSpec(margin=0))["needed"] is None  # no number would


def test_rare_classes_are_judged_as_frequent_so_that_honest_probabilities_lose_nothing() -> None:
    share, n = 0.1, 2000
    sick = np.arange(n) % 10 == 0
    logit = np.random.default_rng(3).normal(np.where(sick, 1.2, -1.2), 1.2)
    samples = [Sample(Path(f"{i}.jpg"), f"{i:064x}", CLASSES[int(sick[i])], "test", f"p{i}") for i in range(n)]

    def model(bias: float, prior: float) -> Contender:
        found = 1 / (1 + np.exp(-(5 / 3) * logit - bias))
        return Contender(CLASSES, np.stack([1 - found, found], axis=1), 1.0, 1000, (1 - prior, prior))

    honest, weighted = model(np.log(share / (1 - share)), share), model(0.0, 0.5)
    found = compare(honest, weighted, samples, PromotionSpec())
    assert found["difference"] == pytest.approx(0.0, abs=1e-9)  # both order the images alike
    assert found["challenger"] > 0.8
    plain = compare(replace(honest, prior=None), replace(weighted, prior=None), samples, PromotionSpec())
    assert plain["interval"][1] < -0.03  # by the likeliest class the honest model seems surely worse


def test_gains_and_losses_are_those_of_mcnemar() -> None:
    old, new = _right(100, 20), _right(100, 20)
    new[:12], new[98:] = True, False
    found = compare(_contender(new), _contender(old), _samples(100), PromotionSpec(metric="accuracy"))
    assert (found["mcnemar"]["gained"], found["mcnemar"]["lost"]) == (12, 2)
    assert found["mcnemar"]["p"] == pytest.approx(0.01294, abs=1e-5)  # 2 * (1 + 14 + 91) / 2**14
    assert found["difference"] == pytest.approx(0.10)
    low, high = found["interval"]
    assert 0.02 < low < 0.10 < high < 0.19


def test_pairing_makes_the_difference_surer_than_the_figures_are() -> None:
    old, new = _right(200, 40), _right(200, 40)
    new[:6] = True
    low, high = compare(_contender(new), _contender(old), _samples(200), PromotionSpec(metric="accuracy"))["interval"]
    assert low > 0
    assert high - low < 0.06  # either accuracy alone is known to within 0.11


def test_the_images_of_a_patient_count_together() -> None:
    old, new = _right(120, 24), _right(120, 24)
    new[:8] = True
    widths = []
    for size in (1, 4):
        low, high = compare(_contender(new), _contender(old), _samples(120, size), PromotionSpec(metric="accuracy"))[
            "interval"
        ]
        widths.append(high - low)
    assert widths[1] > 1.3 * widths[0]


@pytest.mark.parametrize(("n", "wrong", "word"), [(30, 2, "undecided"), (600, 60, "worse")])
def test_a_worse_model_waits_on_few_images_and_is_refused_on_many(n: int, wrong: int, word: str) -> None:
    found = compare(
        _contender(_right(n, wrong)), _contender(_right(n, 0)), _samples(n), PromotionSpec(metric="balanced_accuracy")
    )
    verdict = judge(found, PromotionSpec())
    assert not verdict.promote
    assert verdict.undecided == (word == "undecided")


def test_models_of_other_classes_are_not_compared() -> None:
    one, other = _contender(_right(20, 2)), _contender(_right(20, 2), ("a", "c"))
    found = compare(other, one, _samples(20), PromotionSpec(metric="accuracy"))
    assert not found["same_classes"]
    assert judge(found, PromotionSpec()).undecided


def test_grades_are_compared_by_what_is_referred() -> None:
    grades = ("none", "mild", "severe")
    labels = np.arange(90) % 3
    samples = [Sample(Path(f"{i}.jpg"), f"{i:064x}", grades[label], "test", str(i)) for i, label in enumerate(labels)]
    right = 0.8 * np.eye(3)[labels] + 0.1
    mixed = right.copy()
    mixed[labels == 0] = [0.1, 0.8, 0.1]  # another grade, the same side
    lost = right.copy()
    lost[labels == 2] = [0.1, 0.8, 0.1]
    new, worse, old = (Contender(grades, np.asarray(each), 1.0, 1) for each in (mixed, lost, right))
    asked = Screening((2,), ordered=True)
    found = compare(new, old, samples, PromotionSpec(), asked)
    assert (found["of"], found["difference"], found["mcnemar"]["lost"]) == ("referral", 0, 0)
    assert compare(new, old, samples, PromotionSpec())["difference"] < -0.2
    assert compare(worse, old, samples, PromotionSpec(), asked)["interval"][1] < 0
