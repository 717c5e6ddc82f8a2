"""Trains the demonstration models, on images that Fovea draws itself: one seeded command, no data, no network."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from app.classifiers import Card, ClassifierSpec
from app.classifiers.card import CARD_NAME
from app.classifiers.spec import Split
from app.errors import Conflict
from app.inference.engine import ENGINES
from app.inference.predictor import Predictor
from app.training.data.drawn import drawn_names, redraw
from app.training.data.samples import label_indices, read_square
from app.training.data.splits import assign
from app.training.evaluation.calibration import KeptOut, deciles, fit_answers, shares
from app.training.evaluation.metrics import evaluate
from app.training.progress import Progress
from app.training.trainer import Plan, Sample, train

IMAGES_PER_CLASS = 250
EPOCHS = 25
SEED = 2024
KEPT_OUT = 100  # drawings of each class that the calibration rests on, at most
FRESH = 3_000_000  # what is added to the seed for drawings that no training has seen


def build_demo(
    spec: ClassifierSpec,
    models: Path,
    progress: Progress,
    per_class: int = IMAGES_PER_CLASS,
    epochs: int = EPOCHS,
) -> Card:
    """Draw images, train the classifier's `backbone` on them and write the bundle to `models`/<classifier>/1.

    A run that fails leaves nothing there. Conflict when version 1 exists already; InvalidInput when Fovea cannot draw
    a class.
    """
    place = models / spec.name / "1"
    if place.exists():
        raise Conflict(f"{place} is there already; remove it to build the demonstration model again.")
    place.parent.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory(prefix="fovea-demo-") as drawings,
        TemporaryDirectory(prefix=".demo-", dir=place.parent) as staging,
    ):
        samples = draw_samples(spec, Path(drawings), per_class, SEED, progress)
        plan = Plan(
            spec, samples, spec.training.backbone, "full", epochs, SEED, f"drawn by Fovea, seed {SEED}", demo=True
        )
        bundle = Path(staging) / "1"
        bundle.mkdir()
        train(plan, bundle, progress)
        card = recalibrate(spec, bundle, progress, per_class)
        bundle.rename(place)
    return card


def recalibrate(spec: ClassifierSpec, bundle: Path, progress: Progress, per_class: int = IMAGES_PER_CLASS) -> Card:
    """Fit a demonstration bundle's calibration and thresholds again, on fresh drawings, and rewrite its card.

    The network stays, and what it says of novelty and quality. The validation images are too few of each class for the
    coverage of a medical classifier, and drawings cost nothing. `per_class` is that of the training, whose test
    images are drawn again for the figures.
    """
    card = Card.model_validate_json((bundle / CARD_NAME).read_bytes())
    asked = {name: getattr(spec, name) for name in ("coverage", "prevalence", "operating_point")}
    with TemporaryDirectory(prefix="fovea-demo-") as name:
        folder = Path(name)
        kept_out = _drawn(_named(spec, min(per_class, KEPT_OUT), SEED + FRESH), folder, progress)
        tests = [each for each in _named(spec, per_class, SEED) if each[2] == "test"]
        fitted = _calibrated(card, bundle, kept_out, spec)
        card = _write(card.model_copy(update={"spec": card.spec.model_copy(update=asked), **fitted}), bundle)
        metrics = evaluate(Predictor(bundle), _drawn(tests, folder, progress), progress)
    return _write(card.model_copy(update={"metrics": metrics}), bundle)


def _calibrated(card: Card, bundle: Path, samples: Sequence[Sample], spec: ClassifierSpec) -> dict[str, Any]:
    """The fields of the card that are fitted on these images."""
    engine = ENGINES[card.engine](bundle / ENGINES[card.engine].file_name)
    squares = (read_square(each.path, card.preprocessing) for each in samples)
    answers = np.concatenate([engine.run(square[None]).probabilities for square in squares])
    kept_out = KeptOut(answers, label_indices(samples, card.classes), [each.group for each in samples])
    learned = np.full(len(card.classes), 1 / len(card.classes))  # as many drawings of each class
    fitted = fit_answers(kept_out, spec, learned, cross=False)
    reference = card.reference
    trained = sum(card.data.counts["train"].values())
    reference = reference.model_copy(
        update={
            "histograms": reference.histograms | {"confidence": deciles(fitted.answered.max(axis=1))},
            "sizes": dict.fromkeys(reference.histograms, trained) | {"confidence": len(samples)},
            "classes": shares(fitted.answered, card.classes),
        }
    )
    return {
        "temperature": fitted.scaling.temperature,
        "calibration": fitted.record,
        "thresholds": fitted.thresholds(card.thresholds.novelty),
        "operating_point": fitted.point,
        "reference": reference,
    }


def _write(card: Card, bundle: Path) -> Card:
    (bundle / CARD_NAME).write_text(card.model_dump_json(indent=1), encoding="utf-8")
    return card


def draw_samples(
    spec: ClassifierSpec, folder: Path, per_class: int, seed: int, progress: Progress
) -> tuple[Sample, ...]:
    """Draw `per_class` images of each class as JPEG files in `folder`, and assign them to splits."""
    return _drawn(_named(spec, per_class, seed), folder, progress)


def _named(spec: ClassifierSpec, per_class: int, seed: int) -> list[tuple[str, str, Split]]:
    """(label, file name, split) of so many drawings of each class."""
    names = drawn_names(spec, per_class * len(spec.classes), seed)
    splits = assign([(label, Path(name).stem) for label, name in names], seed)
    return [(label, name, split) for (label, name), split in zip(names, splits, strict=True)]


def _drawn(named: Sequence[tuple[str, str, Split]], folder: Path, progress: Progress) -> tuple[Sample, ...]:
    """Draw them as JPEG files in `folder`."""
    found = []
    for label, name, split in named:
        path, data = folder / name, redraw(name) or b""
        path.write_bytes(data)
        found.append(Sample(path, hashlib.sha256(data).hexdigest(), label, split, path.stem))
        progress("drawing", len(found), len(named))
    return tuple(found)
