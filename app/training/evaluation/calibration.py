"""What is learned after the network: temperature, thresholds, novelty, and what the images looked like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.classifiers import ClassifierSpec
from app.classifiers.card import OperatingPoint, Reference, Thresholds
from app.inference.arrays import Floats, Integers
from app.inference.calibration import apply_temperature, fit_prediction_set, fit_temperature
from app.inference.drift import histogram
from app.inference.engine import Engine
from app.inference.novelty import Novelty
from app.inference.quality import reference
from app.training.data.samples import Answers, Images
from app.training.evaluation.operating_point import choose
from app.training.progress import Progress

BATCH = 8  # VGG16 takes 5 GB for 32, and larger batches gain nothing on a CPU
NOVELTY_PERCENTILE = 95
BINS = 10


@dataclass(frozen=True)
class Calibration:
    """All that is fitted on the engine's answers, and what it answers to all images.

    That is the calibrated `probabilities` (n, classes) and the `embeddings` (n, d).
    """

    probabilities: Floats
    embeddings: Floats
    temperature: float
    thresholds: Thresholds
    operating_point: OperatingPoint | None
    novelty: Novelty
    reference: Reference


def calibrate(
    engine: Engine, images: Images, groups: Sequence[str], spec: ClassifierSpec, progress: Progress
) -> Calibration:
    """Run the engine that will serve on all images; fit on answers to images that were not learned from.

    Those are the validation images or, of a head, those that each fold kept out. `groups` names each image's patient.
    """
    answers = images.answers or _run(engine, images, progress)
    val = np.concatenate([kept_out for _, kept_out in answers.folds])
    temperature = fit_temperature(answers.fair[val], images.labels[val])
    fair = apply_temperature(answers.fair[val], temperature)
    novelty, limit = _novelty(answers, images)
    point = None
    if spec.positive is not None:
        positive = spec.class_names.index(spec.positive)
        sick = images.labels[val] == positive
        point = choose(fair[:, positive], sick, [groups[row] for row in val], spec.operating_point)
    thresholds = Thresholds(
        prediction_set=fit_prediction_set(fair, images.labels[val], spec.coverage),
        operating_point=None if point is None else point.threshold,
        novelty=limit,
    )
    probabilities = apply_temperature(answers.probabilities, temperature)
    looks = _reference(images, fair, spec)
    return Calibration(probabilities, answers.embeddings, temperature, thresholds, point, novelty, looks)


def _novelty(answers: Answers, images: Images) -> tuple[Novelty, float]:
    """The distance from all images but those for testing, and what few of those kept out of a fit exceed."""

    def fit(rows: Integers) -> Novelty:
        return Novelty.fit(answers.embeddings[rows], images.labels[rows])

    distances = [fit(learned).distance(answers.embeddings[kept_out]) for learned, kept_out in answers.folds]
    known = np.concatenate([images.rows["train"], images.rows["val"]])
    return fit(known), float(np.percentile(np.concatenate(distances), NOVELTY_PERCENTILE))


def _run(engine: Engine, images: Images, progress: Progress) -> Answers:
    """What the engine answers to all images; those for validation are fair."""
    total, probabilities, embeddings = len(images.squares), [], []
    for start in range(0, total, BATCH):
        outputs = engine.run(images.squares[start : start + BATCH])
        probabilities.append(outputs.probabilities)
        embeddings.append(outputs.embedding)
        progress("calibrating", min(start + BATCH, total), total)
    answered = np.concatenate(probabilities)
    fold = images.rows["train"], images.rows["val"]
    return Answers(answered, np.concatenate(embeddings), answered, [fold])


def _reference(images: Images, fair: Floats, spec: ClassifierSpec) -> Reference:
    """What the training images' quality measures looked like, and the answers to images kept out of training."""
    train = images.rows["train"]
    measures = {name: values[train] for name, values in images.measures.items()}
    known = {"confidence": fair.max(axis=1), **measures}
    answered = np.bincount(fair.argmax(axis=1), minlength=len(spec.class_names)) / len(fair)
    return Reference(
        quality=dict(reference(measures, spec.preprocessing.crop == "retina")),
        histograms={name: deciles(values) for name, values in known.items()},
        sizes={name: len(values) for name, values in known.items()},
        classes=dict(zip(spec.class_names, answered.tolist(), strict=True)),
    )


def deciles(values: Floats) -> dict[str, list[float]]:
    """Shares between the deciles; equal deciles are merged, so that every bin has width."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)))
    if len(edges) == 1:
        edges = np.array([edges[0], edges[0] + 1.0])
    return {"edges": edges.tolist(), "share": histogram(values.tolist(), edges.tolist())}
