"""What is fitted on a network's answers: on those that it did not learn from."""

import dataclasses

import numpy as np
import pytest

from app.classifiers import Catalog
from app.inference.arrays import Floats, Integers
from app.inference.engine import OnnxEngine
from app.inference.novelty import APPEARANCE, EMBEDDING
from app.training.data.samples import Answers, Images
from app.training.evaluation.calibration import Calibration, calibrate
from app.training.progress import silent

SPEC = Catalog()["cataract"]
N = 800
ENGINE: OnnxEngine = object.__new__(OnnxEngine)  # what is known already is not asked again


@pytest.fixture(scope="module")
def images() -> Images:
    """Images of which a network that saw them is certain; kept out of a fit, it answers as often right as it says."""
    random = np.random.default_rng(5)
    sick = random.uniform(0.02, 0.98, N)
    fair = np.stack([sick, 1 - sick], axis=1)
    labels = (random.random(N) > sick).astype(int)
    embeddings = random.normal(0, 1, (N, 6)).astype(np.float32)
    folds: list[tuple[Integers, Integers]] = [
        (np.arange(200, 600), np.arange(200)),
        (np.arange(400), np.arange(400, 600)),
    ]
    rows = {"train": np.arange(500), "val": np.arange(500, 600), "test": np.arange(600, N)}
    answers = Answers(np.eye(2)[labels] * 0.98 + 0.01, embeddings, fair, folds)
    squares, looks = np.zeros((N, 4, 4, 3), np.uint8), random.normal(0, 1, (N, 5))
    return Images(squares, labels, {"contrast": np.linspace(1, 2, N)}, looks, rows, answers)  # type: ignore[arg-type]


def calibrated(images: Images) -> Calibration:
    return calibrate(ENGINE, images, [str(row) for row in range(N)], SPEC, silent)


def coverage(probabilities: Floats, images: Images, threshold: float) -> float:
    return float((probabilities[np.arange(N), images.labels] >= threshold)[600:].mean())


def test_it_believes_the_answers_to_images_that_were_kept_out(images: Images) -> None:
    found = calibrated(images)
    assert images.answers is not None
    assert found.temperature == pytest.approx(1, abs=0.15)
    assert coverage(images.answers.fair, images, found.thresholds.prediction_set) == pytest.approx(0.9, abs=0.05)
    point = found.operating_point
    assert point is not None
    assert point.validation["sensitivity_n"] + point.validation["specificity_n"] == 400  # those of the folds
    learned = calibrated(
        dataclasses.replace(images, answers=images.answers._replace(fair=images.answers.probabilities))
    )
    assert learned.thresholds.prediction_set > 0.9  # of what it knows by heart it would be too sure


def test_few_of_the_kept_out_images_are_strange(images: Images) -> None:
    found = calibrated(images)
    assert images.answers is not None
    views = {EMBEDDING: images.answers.embeddings[600:], APPEARANCE: images.appearance[600:]}
    strange = found.novelty.score(views) > found.thresholds.novelty
    assert 0.01 < strange.mean() < 0.12
