"""The datasets: importing folders, drawing images, counting what is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from app.classifiers.catalog import Catalog
from app.classifiers.spec import ClassifierSpec
from app.errors import InvalidInput
from app.services.datasets.archive import source_members
from app.services.datasets.curation.gallery import Gallery
from app.services.datasets.intake import Intake, LabelledImage, Origin, Report, counts
from app.services.datasets.revision import PerRevision
from app.services.datasets.versions import DatasetVersions
from app.store.db import db
from app.store.tables import Image
from app.training.data.drawn import SOURCE, drawn_images
from app.training.progress import Progress


class Datasets:
    """The dataset use cases."""

    def __init__(self, catalog: Catalog, intake: Intake, versions: DatasetVersions, gallery: Gallery) -> None:
        self._catalog = catalog
        self._intake = intake
        self._versions = versions
        self._gallery = gallery
        self._summaries: PerRevision[dict[str, Any]] = PerRevision()

    def import_folder(self, classifier: str, folder: str | Path, source: str, progress: Progress) -> Report:
        """Read a folder or an s3:// URL in the classifier's convention; what cannot be used is listed, never fatal."""
        spec = self._catalog[classifier]
        report = self._intake.take(spec, source_members(folder), Origin(source), progress)
        if not report.accepted and not report.duplicates:
            first = "; {file}: {reason}".format(**report.rejected[0]) if report.rejected else ""
            raise InvalidInput(f"{folder} holds no image that the classifier {classifier} can use{first}.")
        return report

    def synth(self, classifier: str, count: int, seed: int, progress: Progress) -> Report:
        """Draw `count` images, the classes in turn, and add them to the dataset."""
        spec = self._catalog[classifier]
        report = Report(classifier)
        for done, (label, name, data) in enumerate(drawn_images(spec, count, seed), start=1):
            new = self._intake.add(spec, LabelledImage(data, name, label, source=SOURCE, group=name))
            report.accepted += new
            report.duplicates += not new
            progress("drawing", done, count)
        report.counts = counts(classifier)
        return report

    def summary(self, classifier: str) -> dict[str, Any]:
        """Return the dataset's counts by class and source, and by split as training divides it.

        Images that training leaves out, so that no group is parted, are in no split; `left_out` says how many.
        """
        spec = self._catalog[classifier]
        return self._summaries.get(spec, lambda: self._summary(spec))

    def _summary(self, spec: ClassifierSpec) -> dict[str, Any]:
        classifier, divided = spec.name, self._versions.counts(spec.name)
        by_class = select(Image.label, func.count()).where(Image.classifier == classifier).group_by(Image.label)
        classes = dict.fromkeys(spec.class_names, 0) | {row[0]: row[1] for row in db.session.execute(by_class)}
        sources = select(Image.source, func.count()).where(Image.classifier == classifier).group_by(Image.source)
        return {
            "classifier": classifier,
            "images": sum(classes.values()),
            "counts": divided.counts,
            "left_out": divided.left_out,
            "classes": classes,
            "resolutions": self._gallery.resolutions(classifier),
            "sources": {row[0]: row[1] for row in db.session.execute(sources)},
        }
