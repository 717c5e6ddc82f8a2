"""The datasets: importing folders, drawing images, counting what is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from app.classifiers.catalog import Catalog
from app.classifiers.spec import ClassifierSpec
from app.drawing import draw
from app.errors import InvalidInput
from app.services.archive import folder_members
from app.services.intake import Intake, Report, counts
from app.store.db import db
from app.store.tables import Image
from app.training.progress import Progress


class Datasets:
    """The dataset use cases."""

    def __init__(self, catalog: Catalog, intake: Intake) -> None:
        self._catalog = catalog
        self._intake = intake

    def import_folder(self, classifier: str, folder: Path, source: str, progress: Progress) -> Report:
        """Read a folder in the classifier's convention; files that cannot be used are listed, never fatal."""
        spec = self._catalog[classifier]
        report = self._intake.take(spec, folder_members(folder), source, progress)
        if not report.accepted and not report.duplicates:
            first = "; {file}: {reason}".format(**report.rejected[0]) if report.rejected else ""
            raise InvalidInput(f"{folder} holds no image that the classifier {classifier} can use{first}.")
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
        by_split = counts(classifier)
        classes: Counter[str] = Counter(dict.fromkeys(spec.class_names, 0))
        for labels in by_split.values():
            classes.update(labels)
        sources = select(Image.source, func.count()).where(Image.classifier == classifier).group_by(Image.source)
        return {
            "classifier": classifier,
            "images": classes.total(),
            "counts": by_split,
            "classes": dict(classes),
            "sources": {row[0]: row[1] for row in db.session.execute(sources)},
        }


def drawn_images(spec: ClassifierSpec, count: int, seed: int) -> Iterator[tuple[str, str, bytes]]:
    """Yield (label, file name, JPEG bytes) of `count` drawn images, the classes in turn."""
    drawings = [(item.name, item.drawing) for item in spec.classes]
    if any(drawing is None for _, drawing in drawings):
        raise InvalidInput(f"Fovea cannot draw {spec.name}; import photographs with 'flask data import {spec.name}'.")
    for index in range(count):
        label, drawing = drawings[index % len(drawings)]
        number = seed * 1_000_000 + index
        yield label, f"drawn-{drawing}-{number}.jpg", draw(str(drawing), number).jpeg()
