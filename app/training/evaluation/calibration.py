"""What is learned after the network: calibration, thresholds, novelty, and what the images looked like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from app.classifiers import ClassifierSpec
from app.classifiers.card import Calibration, OperatingPoint, Reference, Thresholds
from app.inference.arrays import Floats, Integers
from app.inference.calibration import calibrate, referral, shift_prior
from app.inference.drift import histogram
from app.inference.engine import Engine
from app.inference.image.quality import reference
from app.inference.novelty import APPEARANCE, EMBEDDING, Novelty
from app.training.data.samples import Answers, Images
from app.training.evaluation.conformal import fit_thresholds
from app.training.evaluation.operating_point import choose
from app.training.evaluation.scaling import Scaling, fit_scaling
from app.training.progress import Progress

BATCH = 8  # VGG16 takes 5 GB for 32, and larger batches gain nothing on a CPU
BINS = 10


@dataclass(frozen=True)
class Calibrated:
    """All that is fitted on the engine's answers, and what it answers to all images.

    That is the calibrated `probabilities` (n, classes), the same of answers to images not learned from (`fair`), the
    `embeddings` (n, d) and how new each image is (`novelty_scores`, (n,)). `elsewhere` (n, classes) are calibrated
    answers by heads that learned from no image of the same source; None where there are none.
    """

    probabilities: Floats
    fair: Floats
    elsewhere: Floats | None
    embeddings: Floats
    novelty_scores: Floats
    temperature: float
    calibration: Calibration
    thresholds: Thresholds
    operating_point: OperatingPoint | None
    novelty: Novelty
    reference: Reference


def fit_calibration(
    engine: Engine, images: Images, groups: Sequence[str], spec: ClassifierSpec, progress: Progress
) -> Calibrated:
    """Run the engine that will serve on all images; fit on answers to images that were not learned from.

    Those are the validation images or, of a head, those that each fold kept out. `groups` names each image's patient.
    """
    progress("calibrating", 0, len(images.labels))
    answers = images.answers or _run(engine, images, progress)
    val = np.concatenate([kept_out for _, kept_out in answers.folds])
    kept = KeptOut(answers.fair[val], images.labels[val], [groups[row] for row in val])
    fitted = fit_answers(kept, spec, _learned(images, answers, spec), cross=images.answers is not None)
    views = {EMBEDDING: answers.embeddings, APPEARANCE: images.appearance}
    known = np.concatenate([images.rows["train"], images.rows["val"]])
    # The images for testing tell nothing; few of those kept out of a fit exceed the limit.
    novelty, limit = Novelty.fit(views, images.labels, answers.folds, known)
    measures = {name: values[images.rows["train"]] for name, values in images.measures.items()}
    return Calibrated(
        probabilities=calibrate(answers.probabilities, *fitted.scaling),
        fair=calibrate(answers.fair, *fitted.scaling),
        elsewhere=None if answers.elsewhere is None else calibrate(answers.elsewhere, *fitted.scaling),
        embeddings=answers.embeddings,
        novelty_scores=novelty.score(views),
        temperature=fitted.scaling.temperature,
        calibration=fitted.record,
        thresholds=fitted.thresholds(limit),
        operating_point=fitted.point,
        novelty=novelty,
        reference=fit_reference(measures, fitted.answered, spec),
    )


class KeptOut(NamedTuple):
    """Images that were not learned from: a network's `probabilities` (n, classes), their class indices and patients."""

    probabilities: Floats
    labels: Integers
    groups: Sequence[str]


class Fitted(NamedTuple):
    """What is fitted on answers to images not learned from; `answered` (n, classes) are these answers after it."""

    scaling: Scaling
    record: Calibration
    sets: dict[str, float]
    point: OperatingPoint | None
    answered: Floats

    def thresholds(self, novelty: float) -> Thresholds:
        """All thresholds, with that of novelty."""
        point = None if self.point is None else self.point.threshold
        highest = max(self.sets.values())
        return Thresholds(prediction_set=highest, prediction_sets=self.sets, operating_point=point, novelty=novelty)


def fit_answers(kept: KeptOut, spec: ClassifierSpec, learned: Floats, *, cross: bool) -> Fitted:
    """Scale the probabilities, then fit the thresholds; `learned` as in `fit_scaling`.

    `cross`: these are the answers of a cross-validation's heads, not of the network that serves.
    """
    scaling = fit_scaling(kept.probabilities, kept.labels, learned)
    fair = calibrate(kept.probabilities, *scaling)
    record, point = _record(scaling, kept.labels, spec, cross=cross), None
    if referred := spec.screening.referred:
        sick = np.isin(kept.labels, referred)
        point = choose(referral(fair, referred), sick, kept.groups, spec.operating_point)
    sets = fit_thresholds(fair, kept.labels, spec.coverage)
    return Fitted(scaling, record, dict(zip(spec.class_names, sets, strict=True)), point, _answered(fair, record))


def _learned(images: Images, answers: Answers, spec: ClassifierSpec) -> Floats:
    """The class shares that the network was trained for."""
    classes = len(spec.classes)
    if spec.training.balance == "weights":
        return np.full(classes, 1 / classes)
    counts = np.bincount(images.labels[np.concatenate([learned for learned, _ in answers.folds])], minlength=classes)
    return np.asarray(counts / counts.sum())


def _record(scaling: Scaling, labels: Integers, spec: ClassifierSpec, *, cross: bool) -> Calibration:
    """What the card says of it."""
    names = spec.class_names
    images = dict(zip(names, np.bincount(labels, minlength=len(names)).tolist(), strict=True))
    return Calibration(
        method="cross" if cross else "split",
        images=images,
        bias=dict(zip(names, scaling.bias.tolist(), strict=True)),
        prevalence=_prevalence(spec, images),
    )


def _prevalence(spec: ClassifierSpec, images: dict[str, int]) -> dict[str, float] | None:
    """The clinic's share of each class; where it names that of those referred, each side keeps its proportions."""
    stated = spec.prevalence
    if stated is None:
        return None
    if isinstance(stated, dict):
        return {name: share / sum(stated.values()) for name, share in stated.items()}
    sides = [sum(count for name, count in images.items() if (name in spec.referred) == side) for side in (False, True)]
    shares = 1 - stated, stated
    return {name: shares[name in spec.referred] * n / sides[name in spec.referred] for name, n in images.items()}


def _answered(probabilities: Floats, record: Calibration) -> Floats:
    """The probabilities (n, classes) as they would be answered."""
    if record.prevalence is not None:
        probabilities = shift_prior(probabilities, list(record.prior.values()), list(record.prevalence.values()))
    return probabilities


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


def fit_reference(measures: Mapping[str, Floats], answered: Floats, spec: ClassifierSpec) -> Reference:
    """Keep how the quality `measures` (n,) of the training images and the answers (m, classes) to others looked."""
    counts = np.bincount(answered.argmax(axis=1), minlength=len(spec.classes))
    known = {"confidence": answered.max(axis=1), **measures}
    return Reference(
        quality=dict(reference(measures, spec.preprocessing.crop == "retina")),
        histograms={name: deciles(values) for name, values in known.items()},
        sizes={name: len(values) for name, values in known.items()},
        classes=dict(zip(spec.class_names, (counts / len(answered)).tolist(), strict=True)),
    )


def deciles(values: Floats) -> dict[str, list[float]]:
    """Shares between the deciles; equal deciles are merged, so that every bin has width."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)))
    if len(edges) == 1:
        edges = np.array([edges[0], edges[0] + 1.0])
    return {"edges": edges.tolist(), "share": histogram(values.tolist(), edges.tolist())}
