"""Probabilities that say how often they are right, whatever the network was trained for."""

from __future__ import annotations

import numpy as np
import pytest

from app.errors import InvalidInput
from app.inference.arrays import Floats, Integers
from app.inference.calibration import calibrate
from app.training.evaluation.scaling import fit_scaling

EQUAL = np.array([0.5, 0.5])


def softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def screening(n: int, prevalence: float, seed: int, overconfidence: float = 1.0) -> tuple[Floats, Integers]:
    """Answers of a network trained with class weights, the sick first, with exaggerated logits."""
    random = np.random.default_rng(seed)
    sick = np.arange(n) < round(n * prevalence)
    evidence = np.where(sick, 3.0, -3.0) + random.normal(0, 6**0.5, n)
    return softmax(overconfidence * np.stack([evidence, -evidence], axis=1) / 2), np.where(sick, 0, 1)


@pytest.mark.parametrize("overconfidence", [0.7, 1.0, 2.5])
def test_the_temperature_undoes_an_exaggeration(overconfidence: float) -> None:
    found = fit_scaling(*screening(8000, 0.5, 1, overconfidence), EQUAL)
    assert found.temperature == pytest.approx(overconfidence, rel=0.07)


@pytest.mark.parametrize("prevalence", [0.02, 0.1, 0.5])
@pytest.mark.parametrize("n", [60, 2000])
def test_class_weights_no_longer_raise_the_probability_of_a_rare_disease(prevalence: float, n: int) -> None:
    raw, after, truth = [], [], []
    for seed in range(30):
        scaling = fit_scaling(*screening(n, prevalence, seed), EQUAL)
        fresh, labels = screening(4000, prevalence, 1000 + seed)
        raw.append(fresh[:, 0].mean())
        after.append(calibrate(fresh, *scaling)[:, 0].mean())
        truth.append((labels == 0).mean())
    assert np.mean(after) == pytest.approx(np.mean(truth), rel=0.5 if n == 60 else 0.06)
    if prevalence < 0.5:
        assert abs(np.mean(raw) - np.mean(truth)) > 3 * abs(np.mean(after) - np.mean(truth))


def test_a_network_trained_for_the_same_mix_needs_no_bias() -> None:
    probabilities, labels = screening(4000, 0.1, 3)
    learned = np.array([0.1, 0.9])
    weighted = softmax(np.log(probabilities) + np.log(learned))
    assert fit_scaling(weighted, labels, learned).bias == pytest.approx([0, 0], abs=0.15)


@pytest.mark.parametrize("n", [10, 100, 1000])
def test_a_model_without_an_error_is_not_made_certain(n: int) -> None:
    perfect, labels = np.tile([[0.9, 0.1], [0.1, 0.9]], (n, 1)), np.tile([0, 1], n)
    found = calibrate(perfect, *fit_scaling(perfect, labels, EQUAL)).max()
    assert 0.88 < found < 1 - 0.5 / (2 * n)  # at most one in so many is wrong, for all that is known


def test_three_classes_are_balanced_against_each_other() -> None:
    random = np.random.default_rng(2)
    shares = np.array([0.7, 0.2, 0.1])
    labels = random.choice(3, 3000, p=shares)
    answers = softmax(random.normal(0, 1, (3000, 3)) + 2 * np.eye(3)[labels])
    scaled = calibrate(answers, *fit_scaling(answers, labels, np.full(3, 1 / 3)))
    assert scaled.mean(axis=0) == pytest.approx(np.bincount(labels) / 3000, abs=0.01)


def test_calibration_without_images_is_refused() -> None:
    with pytest.raises(InvalidInput, match="at least one image"):
        fit_scaling(np.zeros((0, 2)), np.zeros(0, int), EQUAL)
