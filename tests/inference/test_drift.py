from __future__ import annotations

import numpy as np
import pytest

from app.errors import InvalidInput
from app.inference.drift import histogram, psi, verdict

EDGES = [0.0, 0.25, 0.5, 0.75, 1.0]


def test_a_histogram_holds_every_value_also_those_beyond_the_ends() -> None:
    assert histogram([-3, 0.1, 0.3, 0.6, 0.6, 1.0, 9, 0.9], EDGES) == [0.25, 0.125, 0.25, 0.375]


def test_the_index_is_the_textbook_figure() -> None:
    expected = (0.6 - 0.5) * np.log(0.6 / 0.5) + (0.4 - 0.5) * np.log(0.4 / 0.5)
    assert psi([0.5, 0.5], [0.6, 0.4]) == pytest.approx(expected)
    assert psi([0.5, 0.5], [0.5, 0.5]) == 0


@pytest.mark.parametrize(("shift", "expected"), [(0.0, "stable"), (0.42, "watch"), (1.5, "drifted")])
def test_samples_are_judged_by_how_far_they_moved(shift: float, expected: str) -> None:
    rng = np.random.default_rng(0)
    before, after = rng.normal(0, 1, 4000), rng.normal(shift, 1, 4000)
    edges = np.quantile(before, np.linspace(0, 1, 11)).tolist()
    index = psi(histogram(before.tolist(), edges), histogram(after.tolist(), edges))
    assert verdict(index) == expected


def test_an_empty_bin_does_not_make_the_index_infinite() -> None:
    assert 0.25 < psi([1.0, 0.0], [0.0, 1.0]) < 50


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(InvalidInput, match="same bins"):
        psi([1.0], [0.5, 0.5])
    with pytest.raises(InvalidInput, match="at least one value"):
        histogram([], EDGES)
