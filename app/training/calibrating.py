"""What is learned after the network: temperature, thresholds, novelty, and what the images looked like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.classifiers import ClassifierSpec
from app.classifiers.card import OperatingPoint, Reference, Thresholds
from app.inference.arrays import Floats
from app.inference.calibration import apply_temperature, fit_prediction_set, fit_temperature
from app.inference.drift import histogram
from app.inference.engine import Engine
from app.inference.novelty import Novelty
from app.training.operating import choose
from app.training.progress import Progress
from app.training.samples import Images

BATCH = 8  # VGG16 takes 5 GB for 32, and larger batches gain nothing on a CPU
NOVELTY_PERCENTILE = 95
QUALITY_PERCENTILES = (1, 50, 99)
BINS = 10


@dataclass(frozen=True)
class Calibration:
    """All that is fitted on the engine's answers, and the calibrated `probabilities` (n, classes) of all images."""

    probabilities: Floats
    temperature: float
    thresholds: Thresholds
    operating_point: OperatingPoint | None
    novelty: Novelty
    reference: Reference


def calibrate(
    engine: Engine, images: Images, groups: Sequence[str], spec: ClassifierSpec, progress: Progress
) -> Calibration:
    """Run the engine that will serve on all images; fit novelty on the training images, the rest on validation.

    `groups` names each image's patient.
    """
    raw, embeddings = _run(engine, images, progress)
    train, val = images.rows["train"], images.rows["val"]
    temperature = fit_temperature(raw[val], images.labels[val])
    probabilities = apply_temperature(raw, temperature)
    novelty = Novelty.fit(embeddings[train], images.labels[train])
    point = None
    if spec.positive is not None:
        positive = spec.class_names.index(spec.positive)
        sick = images.labels[val] == positive
        point = choose(probabilities[val, positive], sick, [groups[row] for row in val], spec.operating_point)
    thresholds = Thresholds(
        prediction_set=fit_prediction_set(probabilities[val], images.labels[val], spec.coverage),
        operating_point=None if point is None else point.threshold,
        novelty=float(np.percentile(novelty.distance(embeddings[val]), NOVELTY_PERCENTILE)),
    )
    reference = _reference(images, probabilities[val].max(axis=1))
    return Calibration(probabilities, temperature, thresholds, point, novelty, reference)


def _run(engine: Engine, images: Images, progress: Progress) -> tuple[Floats, Floats]:
    """Probabilities (n, classes) and embeddings (n, d) of all images; what is known already is not computed again."""
    if images.answers is not None:
        progress("calibrating", len(images.squares), len(images.squares))
        return images.answers
    total, probabilities, embeddings = len(images.squares), [], []
    for start in range(0, total, BATCH):
        outputs = engine.run(images.squares[start : start + BATCH])
        probabilities.append(outputs.probabilities)
        embeddings.append(outputs.embedding)
        progress("calibrating", min(start + BATCH, total), total)
    return np.concatenate(probabilities), np.concatenate(embeddings)


def _reference(images: Images, confidence: Floats) -> Reference:
    """What the training images' quality measures looked like, and the confidence on images kept out of training."""
    train = images.rows["train"]
    measures = {name: values[train] for name, values in images.measures.items()}
    quality = {name: np.percentile(values, QUALITY_PERCENTILES).tolist() for name, values in measures.items()}
    histograms = {name: _histogram(values) for name, values in {"confidence": confidence, **measures}.items()}
    return Reference(quality=quality, histograms=histograms)


def _histogram(values: Floats) -> dict[str, list[float]]:
    """Shares between the deciles; equal deciles are merged, so that every bin has width."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)))
    if len(edges) == 1:
        edges = np.array([edges[0], edges[0] + 1.0])
    return {"edges": edges.tolist(), "share": histogram(values.tolist(), edges.tolist())}
