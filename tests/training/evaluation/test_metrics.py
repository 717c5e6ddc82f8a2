from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, balanced_accuracy_score, cohen_kappa_score, f1_score, roc_auc_score

from app.classifiers.card import Thresholds
from app.classifiers.spec import Screening
from app.errors import InvalidInput
from app.inference.arrays import Floats
from app.training.data.samples import Sample
from app.training.evaluation.metrics import figures
from app.training.statistics.bootstrap import draws, percentiles, pivotal
from app.training.statistics.proportions import proportion, wilson
from app.training.statistics.weighted import FIGURES, Indices, calibration_error

CLASSES = ("a", "b", "c")
SCREENING = Screening((1,))
THRESHOLDS = Thresholds(prediction_set=0.2, operating_point=0.3, novelty=1.0)


def _samples(labels: list[int], source: str = "") -> list[Sample]:
    return [
        Sample(Path(f"{i}.jpg"), f"{i:064x}", CLASSES[label], "test", f"p{i // 2}", source and f"{source}{i % 2}")
        for i, label in enumerate(labels)
    ]


def _noisy(n: int, seed: int = 3) -> tuple[Indices, Floats]:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, n)
    logits = random.normal(size=(n, 3)) + 1.5 * np.eye(3)[labels]
    powers = np.exp(logits)
    return labels, powers / powers.sum(axis=1, keepdims=True)


def _intervals(labels: Indices, probabilities: Floats, groups: list[str]) -> dict[str, list[float] | None]:
    return {name: percentiles(found) for name, found in draws(labels, probabilities, groups, FIGURES).items()}


def test_figures_are_those_of_scikit_learn_and_inside_their_intervals() -> None:
    labels, probabilities = _noisy(300)
    answers, one_hot = probabilities.argmax(axis=1), np.eye(3)[labels]
    found = figures(probabilities, _samples(labels.tolist()), CLASSES, SCREENING, THRESHOLDS)
    assert found["accuracy"] == pytest.approx((labels == answers).mean())
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(labels, answers))
    assert found["macro_f1"] == pytest.approx(f1_score(labels, answers, average="macro"))
    assert found["auroc"] == pytest.approx(roc_auc_score(labels, probabilities, multi_class="ovr"))
    assert found["average_precision"] == pytest.approx(average_precision_score(one_hot, probabilities))
    assert set(found["intervals"]) == set(FIGURES)
    for name, (low, high) in found["intervals"].items():
        assert low <= found[name] <= high
        assert 0 < high - low < 0.2
    for row in found["per_class"].values():
        for name in ("precision", "recall", "f1", "auroc", "average_precision"):
            low, high = row[f"{name}_interval"]
            assert low < row[name] < high
    sick = labels == 1
    assert found["screening"]["sensitivity"] == pytest.approx((probabilities[sick, 1] >= 0.3).mean())
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_what_is_undefined_is_none() -> None:
    found = figures(np.array([[0.9, 0.1, 0.0]]), _samples([0]), CLASSES, SCREENING, THRESHOLDS)
    assert found["auroc"] is found["intervals"]["auroc"] is found["average_precision"] is None
    assert found["screening"]["sensitivity"] is None
    assert found["per_class"]["b"]["recall_interval"] is None
    assert found["curves"]["b"] is None
    json.dumps(found, allow_nan=False)


def test_a_class_that_the_model_does_not_know_is_named() -> None:
    with pytest.raises(InvalidInput, match="knows no class 'c', only a, b"):
        figures(np.array([[0.9, 0.1]]), _samples([2]), CLASSES[:2])


def test_curves_are_thin_and_begin_and_end_where_they_must() -> None:
    labels, probabilities = _noisy(2000)
    found = figures(probabilities, _samples(labels.tolist()), CLASSES)
    assert set(found["curves"]) == set(CLASSES)
    for curves in found["curves"].values():
        alarms, hits = curves["roc"].values()
        assert (alarms[0], hits[0], alarms[-1], hits[-1]) == (0, 0, 1, 1)
        assert len(alarms) == len(hits) <= 100
        area = float(np.trapezoid(hits, alarms))
        recall, precision = curves["precision_recall"].values()
        assert (recall[0], recall[-1], precision[-1]) == (1, 0, 1)
        assert len(recall) == len(precision) <= 100
        assert 0.7 < area < 1
    assert sum(part["count"] for part in found["reliability"]) == 2000
    for part in found["reliability"]:
        assert part["low"] <= part["confidence"] <= part["high"]
        assert part["interval"][0] <= part["accuracy"] <= part["interval"][1]


def test_the_surest_mistakes_come_first() -> None:
    labels, probabilities = _noisy(400)
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    found = figures(probabilities, _samples(labels.tolist()), CLASSES)["mistakes"]
    surest = wrong[probabilities[wrong].max(axis=1).argmax()]
    assert len(found) == 20
    assert found[0]["sha256"] == f"{surest:064x}"
    assert found[0]["label"] == CLASSES[labels[surest]] != found[0]["predicted"]
    sure = [each["confidence"] for each in found]
    assert sure == sorted(sure, reverse=True)


def test_sources_are_measured_apart_where_they_are_known() -> None:
    labels, probabilities = _noisy(200)
    assert "sources" not in figures(probabilities, _samples(labels.tolist()), CLASSES)
    found = figures(probabilities, _samples(labels.tolist(), "camera"), CLASSES, SCREENING, THRESHOLDS)["sources"]
    assert set(found) == {"camera0", "camera1"}
    even = np.arange(0, 200, 2)
    assert found["camera0"]["accuracy"] == pytest.approx((probabilities[even].argmax(axis=1) == labels[even]).mean())
    assert found["camera0"]["n"] == found["camera1"]["n"] == 100
    assert 0 < found["camera1"]["screening"]["sensitivity"] < 1


def test_the_prediction_sets_are_checked_on_the_test_images() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1], [0.5, 0.15, 0.35], [0.05, 0.05, 0.9], [0.9, 0.05, 0.05]])
    found = figures(probabilities, _samples([1, 2, 2, 1]), CLASSES, thresholds=THRESHOLDS)["prediction_set"]
    assert (found["coverage"], found["mean_size"]) == (0.75, 1.5)


def test_the_bootstrap_draws_whole_groups() -> None:
    labels, probabilities = _noisy(400)
    groups = [str(i) for i in range(400)]
    alone = _intervals(labels, probabilities, groups)
    copies = _intervals(np.repeat(labels, 4), np.repeat(probabilities, 4, axis=0), np.repeat(groups, 4).tolist())
    for name, interval in alone.items():
        assert copies[name] == pytest.approx(interval)  # copies of a patient's images are no new evidence


def test_ties_count_half() -> None:
    labels = np.array([0, 1] * 50)
    found = _intervals(labels, np.full((100, 2), 0.5), [str(i) for i in range(100)])
    assert found["auroc"] == [0.5, 0.5]


def test_wilson() -> None:
    assert wilson(0, 0) is None
    assert wilson(81, 263) == pytest.approx([0.2553, 0.3662], abs=1e-4)  # Newcombe 1998, table I


def test_copies_of_an_image_make_a_proportion_no_surer() -> None:
    hits = np.array([True, True, True, False, True, False])
    groups = [str(i) for i in range(6)]
    assert proportion(hits, groups) == pytest.approx(wilson(4, 6))
    assert proportion(np.repeat(hits, 3), np.repeat(groups, 3).tolist()) == pytest.approx(wilson(4, 6))
    assert proportion(np.ones(10, bool), ["one", "two"] * 5) == wilson(2, 2)


def test_the_interval_of_a_proportion_holds_the_truth_as_often_as_it_says() -> None:
    random, held = np.random.default_rng(1), []
    for _ in range(600):
        patients = random.beta(8, 2, 60)  # each has a share of images answered rightly, 0.8 on average
        hits = random.random((60, 4)) < patients[:, None]
        interval = proportion(hits.ravel(), np.repeat(np.arange(60), 4).astype(str).tolist())
        assert interval is not None
        held.append(interval[0] <= 0.8 <= interval[1])
    assert 0.93 <= np.mean(held) <= 0.98


@pytest.mark.parametrize("n", [3, 12, 60])
def test_no_interval_of_a_model_without_an_error_is_a_point(n: int) -> None:
    labels = np.arange(n) % 3
    found = figures(np.eye(3)[labels], _samples(labels.tolist(), "camera"), CLASSES, SCREENING, THRESHOLDS)
    limits = [*found["intervals"].values(), found["prediction_set"]["coverage_interval"]]
    limits += [found["screening"][f"{name}_interval"] for name in ("sensitivity", "specificity")]
    for row in (*found["per_class"].values(), *found["sources"].values()):
        limits += [value for name, value in row.items() if name.endswith("_interval") and name != "ece_interval"]
        limits += list(row.get("intervals", {}).values())
    for low, high in (each for each in limits if each is not None):
        assert high - low > 1 / n
    for row in found["per_class"].values():
        assert row["ece_interval"][1] > 1 / (2 * n)  # a wrong answer concerns two of the three classes


def test_the_intervals_of_areas_and_means_hold_the_truth() -> None:
    """Two normal distributions, 1.5 apart: an area of 0.8556, and a recall of 0.7734 of either at the middle."""
    random, held = np.random.default_rng(4), []
    for _ in range(300):
        labels = np.arange(60) % 2
        score = 1 / (1 + np.exp(-(random.normal(size=60) + 1.5 * labels - 0.75)))
        found = figures(np.stack([1 - score, score], axis=1), _samples(labels.tolist()), CLASSES[:2])
        held.append([low <= truth <= high for truth, (low, high) in (
            (0.8556, found["intervals"]["auroc"]), (0.7734, found["intervals"]["balanced_accuracy"]),
            (0.7734, found["intervals"]["macro_f1"]))])  # fmt: skip
    assert np.mean(held, axis=0).min() >= 0.92


def test_the_pivotal_interval_takes_off_what_resampling_adds() -> None:
    """Draws that lie between 4 and 10, of a figure found as 4: the plain interval is theirs, the pivotal turns it."""
    drawn = np.linspace(4, 10, 2001)
    low, high = percentiles(drawn) or (0.0, 0.0)
    assert (low, high) == pytest.approx((4.15, 9.85))
    assert pivotal(drawn, 6.0) == pytest.approx([2 * 6 - 9.85, 2 * 6 - 4.15])
    assert pivotal(drawn, 4.0) == pytest.approx([0.0, 4.0])  # never below nothing, and it holds what was found


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    probabilities, once = np.tile([0.9, 0.1], (10, 1)), np.ones((1, 10))
    assert calibration_error(np.array([0] * 9 + [1]), probabilities, once) == pytest.approx(0.0)
    assert calibration_error(np.array([1] * 10), probabilities, once) == pytest.approx(0.9)


def test_a_thousand_images_are_measured_in_seconds() -> None:
    labels, probabilities = _noisy(1000)
    start = time.process_time()
    figures(probabilities, _samples(labels.tolist(), "camera"), CLASSES, SCREENING, THRESHOLDS)
    assert time.process_time() - start < 20


def test_the_kappa_of_grades_is_that_of_scikit_learn_and_its_interval_has_width_without_a_mistake() -> None:
    labels, probabilities = _noisy(200)
    found = figures(probabilities, _samples(labels.tolist()), CLASSES, Screening((1, 2), ordered=True), THRESHOLDS)
    answers = probabilities.argmax(axis=1)
    assert found["quadratic_kappa"] == pytest.approx(cohen_kappa_score(labels, answers, weights="quadratic"))
    low, high = found["intervals"]["quadratic_kappa"]
    assert low < found["quadratic_kappa"] < high
    referred = probabilities[:, 1:].sum(axis=1) >= 0.3
    assert found["screening"]["sensitivity"] == pytest.approx(referred[labels > 0].mean())
    assert found["screening"]["specificity"] == pytest.approx(1 - referred[labels == 0].mean())
    assert "quadratic_kappa" not in figures(probabilities, _samples(labels.tolist()), CLASSES)
    for n in (10, 100):
        labels = np.arange(n) % 3
        perfect = 0.9 * np.eye(3)[labels] + 0.1 * np.eye(3)[(labels + 1) % 3]
        asked = Screening((1, 2), ordered=True)
        low, high = figures(perfect, _samples(labels.tolist()), CLASSES, asked)["intervals"]["quadratic_kappa"]
        assert high == 1
        assert low < (0.9 if n == 100 else 0.6)
