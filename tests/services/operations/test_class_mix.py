"""The class mix of the latest answers, without a label."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from app.services.wiring import Services
from app.store.db import db, now
from app.store.tables import Prediction

NAME = "cataract"


def _answer(services: Services, sick: float, seed: int, n: int, decision: str = "no_refer") -> None:
    """Log answers to so many images, of which this share is sick."""
    random = np.random.default_rng(seed)
    card = services.registry.card(NAME, 1)
    assert card.calibration is not None
    prior = card.calibration.prior
    evidence = np.where(random.random(n) < sick, 1, -1) * 3 + random.normal(0, 6**0.5, n)
    chances = 1 / (1 + np.exp(-evidence) * prior["normal"] / prior["cataract"])
    for place, chance in enumerate(chances.tolist()):
        db.session.add(
            Prediction(
                classifier=NAME,
                model_version=1,
                sha256="0" * 64,
                predicted_class="normal",
                confidence=0.9,
                decision=decision,
                measures={},
                duration_ms=1.0,
                created_at=now() - timedelta(minutes=place),
                body={"probabilities": {"cataract": chance, "normal": 1 - chance}},
            )
        )
    db.session.commit()


def test_the_mix_of_the_answers_is_estimated_beside_that_of_the_calibration(services: Services) -> None:
    _answer(services, 0.5, 1, 20)
    few = services.class_mix.estimate(NAME) or {}
    assert (few["answers"], few["shares"]) == (20, None)
    _answer(services, 0.08, 2, 600)
    _answer(services, 0.9, 3, 200, "out_of_distribution")  # of these no class can be told
    found = services.class_mix.estimate(NAME) or {}
    assert found["answers"] == 620
    assert found["shares"]["cataract"] == pytest.approx(0.095, abs=0.03)
    low, high = found["intervals"]["cataract"]
    assert low < found["shares"]["cataract"] < high < low + 0.1
    assert found["calibration"]["cataract"] == pytest.approx(0.5, abs=0.01)
    assert services.class_mix.estimate(NAME) == found
