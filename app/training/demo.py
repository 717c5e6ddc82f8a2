"""Trains the demonstration models, on images that Fovea draws itself: one seeded command, no data, no network."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from app.classifiers import Card, ClassifierSpec
from app.classifiers.card import CARD_NAME
from app.classifiers.spec import Split
from app.errors import Conflict
from app.inference.arrays import Floats
from app.inference.engine import ENGINES
from app.inference.image.appearance import describe
from app.inference.image.preprocess import even_out
from app.inference.image.quality import measure
from app.inference.novelty import APPEARANCE, EMBEDDING, NOVELTY_NAME, Novelty, Views
from app.inference.predictor import Predictor
from app.training.data.drawn import drawn_names, redraw
from app.training.data.provenance import file_hashes
from app.training.data.samples import label_indices, read_frame
from app.training.data.splits import assign
from app.training.evaluation.calibration import KeptOut, fit_answers, fit_reference
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
    """Fit all that is fitted after a demonstration bundle's network again; rewrite its card and its novelty file.

    Probabilities and thresholds rest on fresh drawings: the validation images are too few of each class for the
    coverage of a medical classifier, and drawings cost nothing. Novelty and quality rest on the drawings that the
    network learned from, which are drawn again, as are the test images. `per_class` is that of the training.
    """
    card = Card.model_validate_json((bundle / CARD_NAME).read_bytes())
    asked = {name: getattr(spec, name) for name in ("coverage", "prevalence", "operating_point")}
    card = card.model_copy(update={"spec": card.spec.model_copy(update=asked)})
    with TemporaryDirectory(prefix="fovea-demo-") as name:
        folder = Path(name)
        samples = draw_samples(spec, folder, per_class, SEED, progress)
        kept_out = _drawn(_named(spec, min(per_class, KEPT_OUT), SEED + FRESH), folder, progress)
        fitted = _fitted(card, bundle, [each for each in samples if each.split != "test"], kept_out)
        card = _write(card.model_copy(update=fitted), bundle)
        metrics = evaluate(Predictor(bundle), [each for each in samples if each.split == "test"], progress)
    return _write(card.model_copy(update={"metrics": metrics}), bundle)


def _fitted(card: Card, bundle: Path, learned: Sequence[Sample], kept_out: Sequence[Sample]) -> dict[str, Any]:
    """The fields of the card that are fitted on these images; writes the novelty file."""
    spec, known, fresh = card.spec, _seen(card, bundle, learned), _seen(card, bundle, kept_out)
    answers = KeptOut(fresh.probabilities, label_indices(kept_out, card.classes), [each.group for each in kept_out])
    same = np.full(len(card.classes), 1 / len(card.classes))  # as many drawings of each class
    fitted = fit_answers(answers, spec, same, cross=False)
    train = np.array([each.split == "train" for each in learned])
    fold, everything = (np.flatnonzero(train), np.flatnonzero(~train)), np.arange(len(learned))
    novelty, limit = Novelty.fit(known.views, label_indices(learned, card.classes), [fold], everything)
    novelty.save(bundle / NOVELTY_NAME)
    measures = {name: values[train] for name, values in known.measures.items()}
    return {
        "temperature": fitted.scaling.temperature,
        "calibration": fitted.record,
        "thresholds": fitted.thresholds(limit),
        "operating_point": fitted.point,
        "reference": fit_reference(measures, fitted.answered, spec),
        "files": card.files | file_hashes(bundle, [NOVELTY_NAME]),
    }


class _Seen(NamedTuple):
    """What a network answers to n images (n, classes), how they look (see `Novelty`), and their quality measures."""

    probabilities: Floats
    views: Views
    measures: dict[str, Floats]


def _seen(card: Card, bundle: Path, samples: Sequence[Sample]) -> _Seen:
    engine = ENGINES[card.engine](bundle / ENGINES[card.engine].file_name)
    frames = [read_frame(each.path, card.preprocessing) for each in samples]
    outputs = [engine.run(even_out(each, card.preprocessing)[None]) for each in frames]
    views = {
        EMBEDDING: np.concatenate([each.embedding for each in outputs]),
        APPEARANCE: np.stack([describe(each) for each in frames]),
    }
    measured = [measure(each) for each in frames]
    measures = {name: np.array([each[name] for each in measured]) for name in measured[0]}
    return _Seen(np.concatenate([each.probabilities for each in outputs]), views, measures)


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
