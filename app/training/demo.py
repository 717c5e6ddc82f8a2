"""Trains the demonstration models, on images that Fovea draws itself: one seeded command, no data, no network."""

from __future__ import annotations

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

from app.classifiers import Card, ClassifierSpec
from app.errors import Conflict
from app.training.data.drawn import drawn_images
from app.training.data.splits import assign
from app.training.progress import Progress
from app.training.trainer import Plan, Sample, train

IMAGES_PER_CLASS = 250
EPOCHS = 25
SEED = 2024


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
        card = train(plan, bundle, progress)
        bundle.rename(place)
    return card


def draw_samples(
    spec: ClassifierSpec, folder: Path, per_class: int, seed: int, progress: Progress
) -> tuple[Sample, ...]:
    """Draw `per_class` images of each class as JPEG files in `folder`, and assign them to splits."""
    found, count = [], per_class * len(spec.classes)
    for done, (label, name, data) in enumerate(drawn_images(spec, count, seed), start=1):
        path = folder / name
        path.write_bytes(data)
        found.append((path, hashlib.sha256(data).hexdigest(), label))
        progress("drawing", done, count)
    splits = assign([(label, path.stem) for path, _, label in found], seed)
    return tuple(
        Sample(path, digest, label, split, path.stem)
        for (path, digest, label), split in zip(found, splits, strict=True)
    )
