"""Prediction sets hold each class as often as they promise, however few images there are."""

from __future__ import annotations

import numpy as np
import pytest

from app.errors import InvalidInput
from app.inference.arrays import Floats, Integers
from app.inference.calibration import calibrate, within
from app.training.evaluation.conformal import fewest, fit_thresholds
from app.training.evaluation.scaling import fit_scaling


def drawn(counts: tuple[int, int], seed: int, overconfidence: float = 1.0) -> tuple[Floats, Integers]:
    """Answers to so many sick and healthy eyes; the sick are harder."""
    random = np.random.default_rng(seed)
    labels = np.repeat([0, 1], counts)
    evidence = np.where(labels == 0, random.normal(1.5, 2.5, len(labels)), random.normal(-3.0, 1.5, len(labels)))
    sick = 1 / (1 + np.exp(-overconfidence * evidence))
    return np.stack([sick, 1 - sick], axis=1), labels


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
@pytest.mark.parametrize("counts", [(3, 3), (3, 297), (20, 20), (150, 150)])
def test_each_class_is_covered_as_promised(counts: tuple[int, int], coverage: float) -> None:
    held = []
    for seed in range(200):  # the promise is of the mean over calibrations
        thresholds = fit_thresholds(*drawn(counts, seed), coverage)
        probabilities, labels = drawn((200, 200), 10_000 + seed)
        inside = within(probabilities, thresholds)[np.arange(400), labels]
        held.append([inside[:200].mean(), inside[200:].mean()])
    for count, found in zip(counts, np.mean(held, axis=0), strict=True):
        assert coverage - 0.015 <= found
        assert found == 1 if count < fewest(coverage) else found <= coverage + 1 / (count + 1) + 0.015


@pytest.mark.parametrize("overconfidence", [0.5, 3.0])
def test_it_holds_where_probabilities_and_thresholds_are_fitted_on_the_same_images(overconfidence: float) -> None:
    held = []
    for seed in range(150):
        kept_out, labels = drawn((30, 60), seed, overconfidence)
        scaling = fit_scaling(kept_out, labels, np.array([0.5, 0.5]))
        thresholds = fit_thresholds(calibrate(kept_out, *scaling), labels, 0.9)
        fresh, truth = drawn((100, 100), 5000 + seed, overconfidence)
        inside = within(calibrate(fresh, *scaling), thresholds)[np.arange(200), truth]
        held.append([inside[:100].mean(), inside[100:].mean()])
    assert (np.mean(held, axis=0) >= 0.885).all()
    assert (np.mean(held, axis=0) <= 0.95).all()


@pytest.mark.parametrize(("coverage", "needed"), [(0.9, 9), (0.95, 19), (0.97, 33), (0.99, 99)])
def test_with_too_few_images_a_class_is_in_every_set(coverage: float, needed: int) -> None:
    assert fewest(coverage) == needed
    assert fit_thresholds(*drawn((needed - 1, needed), 1), coverage)[0] == 0
    assert fit_thresholds(*drawn((needed, needed), 1), coverage)[0] > 0


def test_sets_without_images_are_refused() -> None:
    with pytest.raises(InvalidInput, match="a label for each"):
        fit_thresholds(np.zeros((2, 2)), np.zeros(1, int), 0.9)
