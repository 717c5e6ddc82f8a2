"""The datasets: importing folders, drawing images, counting and checking what is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select

from app.classifiers.catalog import Catalog
from app.classifiers.spec import SPLITS, ClassifierSpec, Split
from app.errors import FoveaError
from app.services.intake import Intake, Report, counts
from app.store.db import db
from app.store.tables import Image
from app.training.datasets import scan
from app.training.drawn import drawn_images
from app.training.progress import Progress
from app.training.splits import assign

IMBALANCE: Final = 3.0
SMALL_SIDE: Final = 64


class Datasets:
    """The dataset use cases."""

    def __init__(self, catalog: Catalog, intake: Intake) -> None:
        self._catalog = catalog
        self._intake = intake

    def import_folder(self, classifier: str, folder: Path, source: str, progress: Progress) -> Report:
        """Read a folder in the classifier's convention; files that cannot be used are listed, never fatal."""
        spec = self._catalog[classifier]
        found = scan(folder, spec)
        report = Report(classifier, rejected=[{"file": file, "reason": reason} for file, reason in found.rejected])
        for done, item in enumerate(found.items, start=1):
            try:
                new = self._intake.add(
                    spec, item.path.read_bytes(), item.path.name, item.label, item.split, source, item.group
                )
                report.accepted += new
                report.duplicates += not new
            except (FoveaError, OSError) as error:
                report.rejected.append({"file": str(item.path), "reason": str(error)})
            progress("importing", done, len(found.items))
        report.counts = counts(classifier)
        return report

    def synth(self, classifier: str, count: int, seed: int, progress: Progress) -> Report:
        """Draw `count` images, the classes in turn, and add them to the dataset."""
        spec = self._catalog[classifier]
        report = Report(classifier)
        for done, (label, name, data) in enumerate(drawn_images(spec, count, seed), start=1):
            new = self._intake.add(spec, data, name, label, None, "drawn", group=name)
            report.accepted += new
            report.duplicates += not new
            progress("drawing", done, count)
        report.counts = counts(classifier)
        return report

    def summary(self, classifier: str) -> dict[str, Any]:
        """Return the dataset's counts by split, class and source."""
        spec = self._catalog[classifier]
        by_split: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
        classes: Counter[str] = Counter(dict.fromkeys(spec.class_names, 0))
        for row, split in divided(spec):
            by_split[split][row.label] += 1
            classes[row.label] += 1
        sources = select(Image.source, func.count()).where(Image.classifier == classifier).group_by(Image.source)
        return {
            "classifier": classifier,
            "images": classes.total(),
            "counts": {split: dict(labels) for split, labels in by_split.items()},
            "classes": dict(classes),
            "sources": {row[0]: row[1] for row in db.session.execute(sources)},
        }

    def audit(self, classifier: str) -> dict[str, Any]:
        """Check a dataset for what would fool a model; each finding says what, how many and what to do."""
        spec = self._catalog[classifier]
        rows = db.session.scalars(select(Image).where(Image.classifier == classifier)).all()
        findings = [*_imbalance(spec, rows), *_leaks(rows), *_small(rows)]
        return {"classifier": classifier, "images": len(rows), "findings": findings, "clean": not findings}


def divided(spec: ClassifierSpec) -> list[tuple[Image, Split]]:
    """Return the dataset's rows, each with its split: the given one, else the draw that training makes."""
    rows = db.session.scalars(select(Image).where(Image.classifier == spec.name).order_by(Image.id)).all()
    keys = [(row.label, row.group) for row in rows]
    splits = assign(keys, spec.training.seed, given=[row.split for row in rows])
    return list(zip(rows, splits, strict=True))


def _imbalance(spec: ClassifierSpec, rows: Sequence[Image]) -> list[dict[str, Any]]:
    classes = Counter(dict.fromkeys(spec.class_names, 0))
    classes.update(row.label for row in rows)
    most, least = classes.most_common()[0], classes.most_common()[-1]
    if not rows or most[1] <= IMBALANCE * least[1]:
        return []
    return [
        {
            "kind": "imbalance",
            "count": most[1] - least[1],
            "message": f"{most[0]} has {most[1]} images and {least[0]} only {least[1]}; add images of {least[0]}.",
        }
    ]


def _leaks(rows: Sequence[Image]) -> list[dict[str, Any]]:
    splits: dict[str, set[str]] = {}
    for row in rows:
        if row.split:
            splits.setdefault(row.group, set()).add(row.split)
    leaking = sorted(group for group, found in splits.items() if len(found) > 1)
    if not leaking:
        return []
    return [
        {
            "kind": "group_in_several_splits",
            "count": len(leaking),
            "message": f"{len(leaking)} patients are in more than one split, so test results flatter.",
            "groups": leaking[:100],
        }
    ]


def _small(rows: Sequence[Image]) -> list[dict[str, Any]]:
    small = [row.filename for row in rows if min(row.width, row.height) < SMALL_SIDE]
    if not small:
        return []
    return [
        {
            "kind": "small_images",
            "count": len(small),
            "message": f"{len(small)} images are under {SMALL_SIDE} pixels wide or high; remove them.",
            "files": small[:100],
        }
    ]
