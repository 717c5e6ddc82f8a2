from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.inference.arrays import Floats
from app.inference.calibration import calibrate, prediction_set, referral, shift_prior, shifted_threshold, within


def softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def test_a_temperature_divides_the_logits_and_a_bias_is_added() -> None:
    logits, bias = np.random.default_rng(0).normal(0, 2, (50, 3)), [0.5, 0.0, -1.0]
    assert calibrate(softmax(logits), 2.5, bias) == pytest.approx(softmax(logits / 2.5 + bias))
    assert calibrate(softmax(logits)[0], 2.5, bias) == pytest.approx(softmax(logits / 2.5 + bias)[0])


def test_certainty_stays_finite() -> None:
    assert np.isfinite(calibrate(np.array([[1.0, 0.0], [0.0, 1.0]]), 3.0, (0.1, -0.1))).all()


def test_a_prior_is_shifted_as_bayes_rule_says() -> None:
    # 90 % sensitivity, 80 % specificity, a positive test: 9/11 where every second is sick, 1/3 where every tenth is
    found = shift_prior(np.array([9 / 11, 2 / 11]), [0.5, 0.5], [0.1, 0.9])
    assert found == pytest.approx([1 / 3, 2 / 3])
    assert shift_prior(found, [0.1, 0.9], [0.5, 0.5]) == pytest.approx([9 / 11, 2 / 11])


@given(st.lists(st.floats(0.01, 1), min_size=3, max_size=3), st.floats(0.05, 0.95), st.floats(0.02, 0.98))
def test_a_threshold_moves_with_the_probability(scores: list[float], prevalence: float, threshold: float) -> None:
    probabilities = np.array(scores) / sum(scores)
    shifted = shift_prior(probabilities, [0.2, 0.5, 0.3], [prevalence, (1 - prevalence) / 2, (1 - prevalence) / 2])
    moved = shifted_threshold(threshold, float(probabilities[0]), float(shifted[0]))
    if abs(probabilities[0] - threshold) > 1e-9:
        assert (probabilities[0] >= threshold) == (shifted[0] >= moved)


@given(
    scores=st.lists(st.floats(0.01, 1), min_size=2, max_size=8),
    thresholds=st.lists(st.floats(0, 1), min_size=8, max_size=8),
)
def test_a_set_holds_what_reaches_its_own_threshold_and_falls(scores: list[float], thresholds: list[float]) -> None:
    probabilities, own = np.array(scores) / sum(scores), thresholds[: len(scores)]
    chosen = prediction_set(probabilities, own)
    assert list(probabilities[chosen]) == sorted(probabilities[chosen], reverse=True)
    assert set(chosen) == {i for i, limit in enumerate(own) if probabilities[i] >= limit}


def test_a_set_may_be_empty() -> None:
    assert prediction_set(np.array([0.5001, 0.4999]), [0.9, 0.8]) == []


def test_sets_of_grades_have_no_gap_and_only_grow() -> None:
    probabilities = np.array([[0.3, 0.1, 0.2, 0.4], [0.05, 0.9, 0.03, 0.02], [0.1, 0.1, 0.1, 0.1]])
    limits = [0.25] * 4
    assert within(probabilities, limits, ordered=True).tolist() == [
        [True] * 4,
        [False, True, False, False],
        [False] * 4,
    ]
    assert prediction_set(probabilities[0], limits, ordered=True) == [3, 0, 2, 1]
    assert prediction_set(probabilities[0], limits) == [3, 0]
    drawn = np.random.default_rng(1).dirichlet(np.ones(5), 200)
    plain, filled = within(drawn, [0.2] * 5), within(drawn, [0.2] * 5, ordered=True)
    assert (filled >= plain).all()
    assert (np.abs(np.diff(np.pad(filled.astype(int), ((0, 0), (1, 1))), axis=1)).sum(axis=1) <= 2).all()


def test_a_referral_adds_the_probabilities_of_its_classes() -> None:
    assert referral(np.array([[0.5, 0.2, 0.3], [0.1, 0.1, 0.8]]), (1, 2)) == pytest.approx([0.5, 0.9])
