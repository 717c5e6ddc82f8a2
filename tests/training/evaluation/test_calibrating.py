"""What is fitted on a network's answers: on those that it did not learn from."""

import dataclasses

import numpy as np
import pytest

from app.classifiers import Catalog
from app.inference.arrays import Integers
from app.inference.calibration import within
from app.inference.engine import OnnxEngine
from app.inference.novelty import APPEARANCE, EMBEDDING
from app.training.data.samples import Answers, Images
from app.training.evaluation.calibration import Calibrated, fit_calibration
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


def calibrated(images: Images, **changes: object) -> Calibrated:
    spec = SPEC.model_validate(SPEC.model_dump() | changes)
    return fit_calibration(ENGINE, images, [str(row) for row in range(N)], spec, silent)


def coverage(found: Calibrated, images: Images) -> list[float]:
    """Of each class, the share of the images that nobody saw whose set holds it."""
    held = within(found.fair, found.thresholds.of(SPEC.class_names))[np.arange(N), images.labels]
    return [float(held[600:][images.labels[600:] == index].mean()) for index in (0, 1)]


def test_it_believes_the_answers_to_images_that_were_kept_out(images: Images) -> None:
    found = calibrated(images, coverage=0.9)
    assert images.answers is not None
    assert found.temperature == pytest.approx(1, abs=0.15)
    assert coverage(found, images) == pytest.approx([0.9, 0.9], abs=0.08)
    point = found.operating_point
    assert point is not None
    assert point.validation["sensitivity_n"] + point.validation["specificity_n"] == 400  # those of the folds
    assert (found.calibration.method, sum(found.calibration.images.values())) == ("cross", 400)
    by_heart = images.answers._replace(fair=images.answers.probabilities)
    learned = calibrated(dataclasses.replace(images, answers=by_heart), coverage=0.9)
    assert min(learned.thresholds.prediction_sets.values()) > 0.9  # of what it knows by heart it would be too sure


def test_the_prevalence_of_the_clinic_is_kept_beside_that_of_the_images(images: Images) -> None:
    found = calibrated(images, prevalence=0.03).calibration
    counts = np.bincount(images.labels[:600][np.r_[0:200, 400:600]])
    assert list(found.prior.values()) == pytest.approx(counts / counts.sum())
    assert found.prevalence == pytest.approx({"cataract": 0.03, "normal": 0.97})
    assert calibrated(images).calibration.prevalence is None
    named = calibrated(images, prevalence={"cataract": 0.2, "normal": 0.8}).calibration
    assert named.prevalence == pytest.approx({"cataract": 0.2, "normal": 0.8})


def test_few_of_the_kept_out_images_are_strange(images: Images) -> None:
    found = calibrated(images)
    assert images.answers is not None
    views = {EMBEDDING: images.answers.embeddings[600:], APPEARANCE: images.appearance[600:]}
    strange = found.novelty.score(views) > found.thresholds.novelty
    assert 0.01 < strange.mean() < 0.12
