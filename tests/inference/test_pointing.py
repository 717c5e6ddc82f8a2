"""The pointing game: does the hottest point of an explanation fall on what was drawn?"""

from __future__ import annotations

import pytest

from app.config import CHECKOUT
from app.inference.predictor import Predictor
from benchmarks.pointing import DRAWINGS, SHOWN, pointing


@pytest.mark.parametrize(("classifier", "label", "subject"), SHOWN)
def test_the_hottest_point_falls_on_the_evidence(classifier: str, label: str, subject: str) -> None:
    score = pointing(Predictor(CHECKOUT / "models" / classifier / "1"), label, subject)
    assert score.answered >= 0.9 * DRAWINGS
    assert score.hits >= 0.9 * score.answered
    assert score.chance < 0.5  # a random point would not do
