from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidInput
from app.inference.arrays import Floats, Integers
from app.inference.calibration import apply_temperature, fit_prediction_set, fit_temperature, prediction_set


def softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def sample(n: int, seed: int, overconfidence: float = 1.0) -> tuple[Floats, Integers]:
    """Labels drawn from the very probabilities of a model, whose logits are then exaggerated."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (n, 4))
    labels = (softmax(logits).cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    return softmax(overconfidence * logits).astype(np.float32), labels


@pytest.mark.parametrize("overconfidence", [0.7, 1.0, 3.0])
def test_the_temperature_undoes_an_exaggeration(overconfidence: float) -> None:
    assert fit_temperature(*sample(8000, 1, overconfidence)) == pytest.approx(overconfidence, rel=0.07)


def test_a_temperature_divides_the_logits() -> None:
    logits = np.random.default_rng(0).normal(0, 2, (50, 3))
    assert apply_temperature(softmax(logits), 2.5) == pytest.approx(softmax(logits / 2.5))
    assert apply_temperature(softmax(logits)[0], 2.5) == pytest.approx(softmax(logits / 2.5)[0])


def test_certainty_stays_finite_and_a_perfect_model_is_not_made_certain() -> None:
    perfect, labels = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0, 1])
    assert np.isfinite(apply_temperature(perfect, 3.0)).all()
    few, many = (fit_temperature(np.tile(perfect * 0.8 + 0.1, (n, 1)), np.tile(labels, n)) for n in (5, 500))
    assert few > 0.85
    assert many == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_prediction_sets_hold_the_truth_as_often_as_they_promise(coverage: float) -> None:
    held = []
    for seed in range(40):  # the promise is of the mean over calibrations, here of few images
        threshold = fit_prediction_set(*sample(60, seed), coverage)
        probabilities, labels = sample(250, 1000 + seed)
        held += [y in prediction_set(p, threshold) for p, y in zip(probabilities, labels, strict=True)]
    assert coverage - 0.015 <= np.mean(held) <= coverage + 0.04


@pytest.mark.parametrize("n", [30, 100])
@pytest.mark.parametrize("overconfidence", [0.5, 3.0])
def test_coverage_holds_where_temperature_and_threshold_are_fitted_on_the_same_images(
    n: int, overconfidence: float
) -> None:
    held = []
    for seed in range(60):
        probabilities, labels = sample(n, seed, overconfidence)
        temperature = fit_temperature(probabilities, labels)
        threshold = fit_prediction_set(apply_temperature(probabilities, temperature), labels, 0.9)
        fresh, truth = sample(250, 5000 + seed, overconfidence)
        fresh = apply_temperature(fresh, temperature)
        held += [y in prediction_set(p, threshold) for p, y in zip(fresh, truth, strict=True)]
    assert 0.885 <= np.mean(held) <= 0.95


def test_with_too_few_images_the_set_holds_every_class() -> None:
    probabilities, labels = sample(5, 3)
    threshold = fit_prediction_set(probabilities, labels, 0.95)
    assert sorted(prediction_set(probabilities[0], threshold)) == [0, 1, 2, 3]


@given(
    scores=st.lists(st.floats(0.01, 1), min_size=2, max_size=8),
    threshold=st.floats(0, 1),
)
def test_a_set_leads_with_the_top_class_and_falls(scores: list[float], threshold: float) -> None:
    probabilities = np.array(scores) / sum(scores)
    chosen = prediction_set(probabilities, threshold)
    assert probabilities[chosen[0]] == probabilities.max()
    assert list(probabilities[chosen]) == sorted(probabilities[chosen], reverse=True)
    assert set(chosen[1:]) == {i for i in np.flatnonzero(probabilities >= threshold) if i != chosen[0]}


def test_calibration_without_images_is_refused() -> None:
    with pytest.raises(InvalidInput, match="at least one image"):
        fit_temperature(np.zeros((0, 2)), np.zeros(0, int))
    with pytest.raises(InvalidInput, match="a label for each"):
        fit_prediction_set(np.zeros((2, 2)), np.zeros(1, int), 0.9)
