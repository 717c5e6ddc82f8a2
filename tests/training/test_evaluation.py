import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score

from app.training.bootstrap import intervals
from app.training.evaluation import calibration_error, figures, wilson
from app.training.samples import Sample

CLASSES = ("a", "b", "c")


def _samples(labels: list[int]) -> list[Sample]:
    return [
        Sample(Path(f"{i}.jpg"), f"{i:064x}", CLASSES[label], "test", f"p{i // 2}") for i, label in enumerate(labels)
    ]


def _noisy(n: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, n)
    logits = random.normal(size=(n, 3)) + 1.5 * np.eye(3)[labels]
    powers = np.exp(logits)
    return labels, powers / powers.sum(axis=1, keepdims=True)


def test_figures_are_those_of_scikit_learn_and_inside_their_intervals() -> None:
    labels, probabilities = _noisy(300)
    answers = probabilities.argmax(axis=1)
    found = figures(probabilities, _samples(labels.tolist()), CLASSES, positive=1, operating_point=0.3)
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(labels, answers))
    assert found["macro_f1"] == pytest.approx(f1_score(labels, answers, average="macro"))
    assert found["auroc"] == pytest.approx(roc_auc_score(labels, probabilities, multi_class="ovr"))
    for name, (low, high) in found["intervals"].items():
        assert low < found[name] < high
        assert high - low < 0.2
    sick = labels == 1
    assert found["screening"]["sensitivity"] == pytest.approx((probabilities[sick, 1] >= 0.3).mean())
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_what_is_undefined_is_none() -> None:
    found = figures(np.array([[0.9, 0.1, 0.0]]), _samples([0]), CLASSES, positive=1, operating_point=0.5)
    assert found["auroc"] is None
    assert found["intervals"]["auroc"] is None
    assert found["screening"]["sensitivity"] is None
    assert found["per_class"]["b"]["recall_interval"] is None
    json.dumps(found, allow_nan=False)


def test_the_bootstrap_draws_whole_groups() -> None:
    labels, probabilities = _noisy(400)
    groups = [str(i) for i in range(400)]
    alone = intervals(labels, probabilities, groups)
    copies = intervals(np.repeat(labels, 4), np.repeat(probabilities, 4, axis=0), np.repeat(groups, 4).tolist())
    for name, interval in alone.items():
        assert copies[name] == pytest.approx(interval)  # copies of a patient's images are no new evidence


def test_ties_count_half() -> None:
    labels = np.array([0, 1] * 50)
    found = intervals(labels, np.full((100, 2), 0.5), [str(i) for i in range(100)])
    assert found["auroc"] == [0.5, 0.5]


def test_wilson() -> None:
    assert wilson(0, 0) is None
    assert wilson(81, 263) == pytest.approx([0.2553, 0.3662], abs=1e-4)  # Newcombe 1998, table I


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    probabilities = np.tile([0.9, 0.1], (10, 1))
    assert calibration_error(np.array([0] * 9 + [1]), probabilities) == pytest.approx(0.0)
    assert calibration_error(np.array([1] * 10), probabilities) == pytest.approx(0.9)
