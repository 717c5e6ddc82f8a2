"""A head for grades in a bundle: trained on drawings over a network of the user's, which needs no TensorFlow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from encoders import write_encoder

from app.classifiers import Catalog
from app.drawing import draw
from app.inference.predictor import Predictor
from app.training.demo import draw_samples
from app.training.progress import silent
from app.training.trainer import Plan, train

SPEC = Catalog()["dr_grade"]


def test_grades_are_trained_referred_and_explained(tmp_path: Path) -> None:
    write_encoder(tmp_path / "weights")
    (tmp_path / "drawn").mkdir()
    (tmp_path / "bundle").mkdir()
    training = SPEC.training.model_copy(update={"varied": 0})
    spec = SPEC.model_copy(update={"training": training, "coverage": 0.6})
    samples = draw_samples(spec, tmp_path / "drawn", 24, 3, silent)
    plan = Plan(spec, samples, "own_encoder", "head", 1, 7, "drawn", weights_dir=tmp_path / "weights",
                cache_dir=tmp_path / "cache")  # fmt: skip
    card = train(plan, tmp_path / "bundle", silent)
    kappa, (low, high) = card.metrics["quadratic_kappa"], card.metrics["intervals"]["quadratic_kappa"]
    assert low <= kappa <= high
    assert kappa > 0.2  # chance is 0; the filters are random
    assert card.operating_point is not None
    assert card.operating_point.threshold == card.thresholds.operating_point
    assert card.metrics["screening"]["sensitivity_n"] == sum(each.split == "test" for each in samples) - sum(
        each.split == "test" and each.label in ("grade_0", "grade_1") for each in samples
    )
    predictor, sizes = Predictor(tmp_path / "bundle"), []
    for subject in ("fundus_normal", "fundus_dr_severe", "fundus_dr_proliferative"):
        found = predictor.predict(draw(subject, 900).jpeg(), explain=True)
        assert found.grade == spec.class_names.index(found.predicted_class)
        assert found.referral_probability == sum(found.probabilities[name] for name in spec.referred)
        places = sorted(spec.class_names.index(name) for name in found.prediction_set)
        assert places == list(range(places[0], places[-1] + 1)) if places else True
        assert found.explanation is not None
        sizes.append(found.referral_probability)
    assert np.argmin(sizes) == 0
