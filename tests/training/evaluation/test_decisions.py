"""The figures of whole decisions, and what a new source costs."""

from __future__ import annotations

import json

import numpy as np
import pytest

from app.classifiers import Catalog
from app.classifiers.card import Thresholds
from app.inference.arrays import Floats
from app.training.evaluation.decisions import Judged, decided, decision_figures, prediction_set_figures
from app.training.evaluation.new_source import new_source

SPEC = Catalog()["glaucoma"]
THRESHOLDS = Thresholds(
    prediction_set=0.6, prediction_sets={"glaucoma": 0.3, "normal": 0.6}, operating_point=0.35, novelty=1
)
SICK = np.array([0.9, 0.9, 0.38, 0.2, 0.8, 0.1, 0.1, 0.32, 0.36, 0.95, 0.1, 0.1])
LABELS = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
FAMILIAR = np.array([True, False, *[True] * 10])
GRADABLE = np.array([*[True] * 4, False, *[True] * 7])
EXPECTED = [
    "refer", "out_of_distribution", "uncertain", "no_refer", "ungradable", "no_refer",
    "no_refer", "uncertain", "uncertain", "refer", "no_refer", "no_refer",
]  # fmt: skip


def _judged() -> Judged:
    probabilities = np.stack([SICK, 1 - SICK], axis=1)
    decisions = decided(probabilities, FAMILIAR, GRADABLE, THRESHOLDS, SPEC)
    groups, sources = np.array([str(row) for row in range(12)]), np.array(["one", "two"] * 6)
    return Judged(LABELS, groups, sources, probabilities.argmax(axis=1), SICK >= 0.35, np.array(decisions))


def test_decisions_are_those_of_the_rule_that_serves() -> None:
    assert _judged().decisions.tolist() == EXPECTED


def test_refusals_count_as_neither_found_nor_cleared() -> None:
    found = decision_figures(_judged(), SPEC)
    assert found["screening"]["sensitivity"] == pytest.approx(1 / 6)
    assert found["screening"]["missed"] == pytest.approx(2 / 6)
    assert found["screening"]["specificity"] == pytest.approx(3 / 6)
    assert found["screening"]["false_alarms"] == pytest.approx(1 / 6)
    assert found["answered"] == pytest.approx(7 / 12)
    assert found["accuracy_answered"] == pytest.approx(4 / 7)
    assert found["accuracy_all"] == pytest.approx(8 / 12)
    assert found["counts"]["glaucoma"] == {
        "no_refer": 2, "out_of_distribution": 1, "refer": 1, "uncertain": 1, "ungradable": 1
    }  # fmt: skip
    low, high = found["screening"]["missed_interval"]
    assert low < 2 / 6 < high
    assert {name: each["n"] for name, each in found["sources"].items()} == {"one": 6, "two": 6}
    assert found["sources"]["two"]["screening"]["sensitivity"] == 0
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_a_poor_photograph_counts_where_the_classifier_answers_for_it() -> None:
    lenient = SPEC.model_copy(update={"reject_ungradable": False})
    probabilities = np.stack([SICK, 1 - SICK], axis=1)
    assert decided(probabilities, FAMILIAR, GRADABLE, THRESHOLDS, lenient)[4] == "refer"


def test_sets_are_counted_by_class_and_size() -> None:
    inside = np.array([[1, 0], [1, 1], [0, 0], [0, 1], [0, 1]], bool)
    found = prediction_set_figures(np.array([0, 0, 0, 1, 1]), inside, list("abcde"), ("sick", "well"))
    assert found["coverage"] == 0.8
    assert found["per_class"]["sick"]["coverage"] == pytest.approx(2 / 3)
    assert found["per_class"]["well"]["coverage"] == 1
    assert (found["empty"], found["single"], found["several"], found["mean_size"]) == (0.2, 0.6, 0.2, 1.0)


def _right(labels: Floats, often: float, seed: int) -> Floats:
    """Answers that are right so often."""
    random = np.random.default_rng(seed)
    sick = np.where((labels == 0) == (random.random(len(labels)) < often), 0.9, 0.1)
    return np.stack([sick, 1 - sick], axis=1)


def test_the_fall_on_a_source_that_was_left_out_is_measured() -> None:
    labels, sources = np.tile([0, 1], 200), ["clinic"] * 200 + ["hospital"] * 200
    known, new = _right(labels, 0.95, 1), _right(labels, 0.8, 2)
    new[200:] = np.nan  # the clinic alone lacks a class
    found = new_source(labels, known, new, sources, [str(row) for row in range(400)])
    assert found is not None
    assert set(found["sources"]) == {"clinic"}
    accuracy = found["sources"]["clinic"]["accuracy"]
    assert accuracy["fall"] == pytest.approx(accuracy["known"] - accuracy["new"]) == found["mean_fall"]["accuracy"]
    low, high = accuracy["fall_interval"]
    assert 0 < low < 0.15 < high < 0.3
    assert new_source(labels, known, np.full_like(new, np.nan), sources, sources) is None
