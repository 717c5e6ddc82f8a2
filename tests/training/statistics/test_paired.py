from __future__ import annotations

import numpy as np
import pytest

from app.inference.arrays import Floats
from app.training.statistics.paired import areas_under_roc, right_answers, tango
from app.training.statistics.proportions import Z, design_effect
from app.training.statistics.weighted import Indices


def _groups(n: int, size: int = 1) -> list[str]:
    return [f"p{i // size}" for i in range(n)]


@pytest.mark.parametrize(
    ("gained", "lost", "n", "low", "high"),
    [
        (6, 16, 161, -0.1240, -0.0054),  # Fagerland, Lydersen & Laake, Statistical Analysis of Contingency Tables 2017
        (0, 0, 10, -(Z**2) / (10 + Z**2), Z**2 / (10 + Z**2)),  # closed form
        (0, 7, 7, -1.0, -7 / (7 + Z**2) + Z**2 / (7 + Z**2)),
    ],
)
def test_tangos_interval_is_the_published_one(gained: int, lost: int, n: int, low: float, high: float) -> None:
    found = [float(each) for each in tango(gained, lost, n)]
    assert found == pytest.approx([low, high], abs=5e-5)
    mirrored = [-float(each) for each in tango(lost, gained, n)][::-1]
    assert mirrored == pytest.approx(found)


def test_two_images_of_each_class_prove_nothing() -> None:
    labels = np.array([0, 0, 1, 1])
    right = np.ones(4)
    for by_class in (False, True):
        found = right_answers(labels, (right, right), _groups(4), by_class)
        assert found.value == 0
        assert found.interval[0] < -0.3
        assert found.interval[1] > 0.3


def test_the_balanced_difference_is_that_of_the_classes_means() -> None:
    labels = np.repeat([0, 1], [90, 10])
    new, old = np.ones(100), np.ones(100)
    new[:9], old[90:92] = 0, 0  # 9 of 90 lost, 2 of 10 gained
    found = right_answers(labels, (new, old), _groups(100), by_class=True)
    assert found.value == pytest.approx((0.2 - 0.1) / 2)
    one, other = (tango(*counts) for counts in ((0, 9, 90), (2, 0, 10)))
    below = np.hypot(-0.1 - one[0], 0.2 - other[0]) / 2
    assert found.interval[0] == pytest.approx(found.value - below)


def test_copies_of_the_images_prove_no_more() -> None:
    random = np.random.default_rng(1)
    labels = random.integers(0, 2, 80)
    new, old = ((random.random(80) < share).astype(float) for share in (0.9, 0.8))
    once = right_answers(labels, (new, old), _groups(80), by_class=True)
    thrice = right_answers(np.repeat(labels, 3), (np.repeat(new, 3), np.repeat(old, 3)), _groups(240, 3), by_class=True)
    assert thrice.interval == pytest.approx(once.interval)


def test_without_a_residual_each_patient_counts_once_and_one_residual_changes_that_little() -> None:
    groups = _groups(100, 4)
    residuals = np.zeros(100)
    assert design_effect(residuals, groups) == pytest.approx(4)
    residuals[0] = 1
    assert 3 < design_effect(residuals, groups) < 4
    assert design_effect(residuals, _groups(100)) == 1


def _scores(labels: Indices, noise: Floats, gap: float) -> Floats:
    score = 1 / (1 + np.exp(-(noise + gap * labels)))
    return np.stack([1 - score, score], axis=1)


def test_areas_without_an_error_have_an_interval() -> None:
    labels = np.arange(20) % 2
    perfect = _scores(labels, np.zeros(20), 9.0)
    found = areas_under_roc(labels, (perfect, perfect), _groups(20))
    assert found is not None
    assert found.interval[0] < -0.2
    assert found.interval[1] > 0.2
    assert areas_under_roc(np.zeros(20, int), (perfect, perfect), _groups(20)) is None


def test_a_difference_of_areas_is_promised_rightly() -> None:
    """With the truth on the margin, the lower limit lies above it in no more than one of twenty cases."""
    random, above = np.random.default_rng(2), []
    for _ in range(400):
        labels = np.arange(80) % 2
        shared, own, other = random.normal(size=(3, 80))
        pair = _scores(labels, shared + 0.4 * own, 1.2), _scores(labels, shared + 0.4 * other, 1.8)
        found = areas_under_roc(labels, pair, _groups(80))
        assert found is not None
        above.append(found.interval[0] > -0.0967)  # Phi(1.2 / 1.523) less Phi(1.8 / 1.523)
    assert np.mean(above) <= 0.05
