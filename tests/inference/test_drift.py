from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom, chi2

from app.errors import InvalidInput
from app.inference.drift import ALPHA, LARGE, count, histogram, limit, psi, verdict, window

EDGES = [0.0, 0.25, 0.5, 0.75, 1.0]
TENTHS = (0.1,) * 10


def test_a_histogram_holds_every_value_also_those_beyond_the_ends() -> None:
    assert histogram([-3, 0.1, 0.3, 0.6, 0.6, 1.0, 9, 0.9], EDGES) == [0.25, 0.125, 0.25, 0.375]


def test_the_index_is_the_textbook_figure_of_shares_that_half_a_count_smooths() -> None:
    shares = (6.5 / 11, 4.5 / 11)
    expected = sum((share - 0.5) * math.log(share / 0.5) for share in shares)
    assert psi([0.5, 0.5], [6, 4]) == pytest.approx(expected)
    assert psi([0.5, 0.5], [6e6, 4e6]) == pytest.approx(0.1 * math.log(0.6 / 0.4), abs=1e-6)  # the plain index
    assert psi([0.5, 0.5], [50, 50]) == 0
    assert 0.25 < psi([1.0, 0.0], [0, 100]) < 50


@pytest.mark.parametrize("images", [30, 100, 1000])
def test_the_limit_of_two_bins_is_that_of_the_binomial_distribution(images: int) -> None:
    """With a reference that is known exactly, the index depends on one count, whose quantile is in every table."""
    farthest = binom.ppf(1 - ALPHA / 2, images, 0.5)  # both sides count
    exact = psi([0.5, 0.5], [farthest, images - farthest])
    beyond = psi([0.5, 0.5], [farthest + 1, images - farthest - 1])
    assert exact * 0.999 <= limit((0.5, 0.5), 10**9, images, 1) < beyond


def test_the_limit_of_a_large_window_is_that_of_the_chi_squared_distribution() -> None:
    """Yurdakul (2018): the index is chi-squared, in units of what both sizes leave to chance."""
    for measures in (1, 9):
        expected = (1 / 5000 + 1 / 20_000) * chi2.ppf(1 - ALPHA / measures, 9)
        assert limit(TENTHS, 20_000, 5000, measures) == pytest.approx(expected, rel=0.08)


def test_few_reference_images_and_more_measures_raise_the_limit() -> None:
    assert limit(TENTHS, 60, 100, 9) > 1.5 * limit(TENTHS, 6000, 100, 9)
    assert limit(TENTHS, 600, 100, 9) > limit(TENTHS, 600, 100, 1)


@pytest.mark.parametrize("images", [30, 100, 1000])
def test_windows_of_the_references_own_kind_are_stable_in_95_of_100_cases(images: int) -> None:
    random, measures, alarms = np.random.default_rng(5), 4, []
    for _ in range(250):
        found = set()
        for _ in range(measures):
            known = random.normal(size=200)
            edges = np.quantile(known, np.linspace(0, 1, 11)).tolist()
            counts = count(random.normal(size=images).tolist(), edges)
            found.add(verdict(psi(TENTHS, counts), limit(TENTHS, 200, images, measures)))
        alarms.append(found != {"stable"})
    assert np.mean(alarms) <= ALPHA + 0.035  # two and a half standard errors of 250 windows


@pytest.mark.parametrize(("images", "shift", "expected"), [(30, 1.5, "drifted"), (100, 1.0, "drifted"),
                                                           (1000, 0.35, "watch"), (1000, 0.0, "stable")])  # fmt: skip
def test_windows_are_judged_by_how_far_they_moved(images: int, shift: float, expected: str) -> None:
    random = np.random.default_rng(0)
    before, after = random.normal(0, 1, 400), random.normal(shift, 1, images)
    edges = np.quantile(before, np.linspace(0, 1, 11)).tolist()
    index = psi(TENTHS, count(after.tolist(), edges))
    assert verdict(index, limit(TENTHS, 400, images, 9)) == expected


def test_a_verdict_needs_more_than_chance_and_a_large_change_for_drift() -> None:
    assert [verdict(index, 0.4) for index in (0.3, 0.4, 0.41)] == ["stable", "stable", "drifted"]
    assert [verdict(index, 0.05) for index in (0.05, 0.06, LARGE)] == ["stable", "watch", "drifted"]


def test_windows_have_few_sizes() -> None:
    assert [window(images) for images in (0, 29, 30, 39, 99, 5000)] == [0, 0, 30, 30, 80, 1000]


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(InvalidInput, match="same bins"):
        psi([1.0], [5, 5])
    with pytest.raises(InvalidInput, match="at least one value"):
        histogram([], EDGES)
