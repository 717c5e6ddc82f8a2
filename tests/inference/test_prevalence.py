from __future__ import annotations

import numpy as np
import pytest

from app.inference.arrays import Floats
from app.inference.prevalence import class_mix


def answers(n: int, sick: float, seed: int) -> tuple[Floats, float]:
    """Answers calibrated for equal shares to images of which another share is sick, and that share."""
    random = np.random.default_rng(seed)
    is_sick = random.random(n) < sick
    evidence = np.where(is_sick, 1, -1) * 2.0 + random.normal(0, 2, n)
    probability = 1 / (1 + np.exp(-evidence))
    return np.stack([probability, 1 - probability], axis=1), float(is_sick.mean())


@pytest.mark.parametrize("sick", [0.02, 0.1, 0.5, 0.8])
def test_the_mix_is_found_in_answers_that_are_for_another(sick: float) -> None:
    found = [answers(1000, sick, seed) for seed in range(12)]
    naive = np.mean([probabilities[:, 0].mean() for probabilities, _ in found])
    estimated = [class_mix(probabilities, [0.5, 0.5]) for probabilities, _ in found]
    assert np.mean([shares[0] for shares, _ in estimated]) == pytest.approx(sick, abs=0.015)
    assert sum(interval[0, 0] <= sick <= interval[1, 0] for _, interval in estimated) >= 9
    if sick != 0.5:
        assert abs(naive - sick) > 0.04


def test_the_shares_add_up_and_lie_in_their_intervals() -> None:
    probabilities = np.random.default_rng(4).dirichlet([1, 2, 3], 300)
    shares, interval = class_mix(probabilities, [1 / 3] * 3)
    assert shares.sum() == pytest.approx(1)
    assert (interval[0] <= shares).all()
    assert (shares <= interval[1]).all()
