from __future__ import annotations

import math

import pytest

from app.training.evaluation.reuse import FRESH_FROM, uncertainty


def test_a_test_set_that_nobody_used_has_hoeffdings_uncertainty() -> None:
    assert uncertainty(0) / math.sqrt(2 * 100) == pytest.approx(0.1358, abs=1e-4)  # of 100 images


def test_after_sixteen_verdicts_it_has_doubled() -> None:
    assert FRESH_FROM == 16
    assert uncertainty(FRESH_FROM) >= 2 * uncertainty(0) > uncertainty(FRESH_FROM - 1)
