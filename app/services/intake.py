"""Takes labelled images into a classifier's dataset."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from app.classifiers.catalog import Catalog
from app.classifiers.labels import group_of, label_from_path, match_label
from app.classifiers.spec import SPLITS, ClassifierSpec, Split
from app.errors import FoveaError, InvalidInput
from app.inference.decode import decode
from app.services.archive import Entry, Upload, entries
from app.store.db import db
from app.store.files import Files
from app.store.tables import Image

UNSPLIT = "unassigned"


@dataclass
class Report:
    """What became of an upload: how many images were taken or known already, and what was refused and why."""

    classifier: str
    accepted: int = 0
    duplicates: int = 0
    rejected: list[dict[str, str]] = field(default_factory=list)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)


class Intake:
    """The way into the datasets; images are kept by content in `files`."""

    def __init__(self, catalog: Catalog, files: Files, max_file_bytes: int) -> None:
        self._catalog = catalog
        self._files = files
        self._max_file_bytes = max_file_bytes

    def upload(
        self,
        classifier: str,
        uploads: Iterable[Upload],
        label: str | None = None,
        split: str | None = None,
        source: str = "upload",
    ) -> Report:
        """Store each image with its label: the one given, else its folder's in the zip, else its name's prefix."""
        spec = self._catalog[classifier]
        if label is not None and (label := match_label(spec, given := label)) is None:
            raise InvalidInput(f"{given!r} is no class of {classifier}; choose one of: {', '.join(spec.class_names)}.")
        chosen = _check_split(split)
        report = Report(classifier)
        for entry in entries(uploads, self._max_file_bytes):
            reason = self._take(spec, entry, label, chosen, source, report)
            if reason is not None:
                report.rejected.append({"file": entry.path, "reason": reason})
        report.counts = counts(classifier)
        return report

    def add(self, spec: ClassifierSpec, data: bytes, filename: str, label: str, split: Split | None, source: str,
            group: str | None = None) -> bool:  # fmt: skip
        """Check, store and record one image; say whether it is new. InvalidInput when it cannot be read."""
        decoded = decode(data)
        sha256 = self._files.put(data)
        known = db.session.scalar(select(Image.id).where(Image.classifier == spec.name, Image.sha256 == sha256))
        if known is not None:
            return False
        name = PurePosixPath(filename).name[-255:]
        group = group or group_of(spec, name) or sha256
        db.session.add(
            Image(
                classifier=spec.name, sha256=sha256, label=label, split=split, group=group[:255], filename=name,
                source=source, width=decoded.width, height=decoded.height,
            )
        )  # fmt: skip
        try:
            db.session.commit()
        except IntegrityError:  # the same image arrived twice at the same moment
            db.session.rollback()
            return False
        return True

    def _take(self, spec: ClassifierSpec, entry: Entry, label: str | None, split: Split | None, source: str,
              report: Report) -> str | None:  # fmt: skip
        """Take one file in, counting it in the report; return why it was refused, if it was."""
        if entry.data is None:
            return entry.reason
        label = label or label_from_path(spec, entry.path)
        if label is None:
            return f"no label: neither a folder nor the name's prefix is one of {', '.join(spec.class_names)}"
        try:
            new = self.add(spec, entry.data, entry.path, label, split or split_from_path(spec, entry.path), source)
        except FoveaError as error:
            return str(error)
        report.accepted += new
        report.duplicates += not new
        return None


def counts(classifier: str) -> dict[str, dict[str, int]]:
    """Count a dataset's images by split (`unassigned` before the first training) and class."""
    query = select(Image.split, Image.label, func.count()).where(Image.classifier == classifier)
    found: dict[str, dict[str, int]] = {}
    for split, label, count in db.session.execute(query.group_by(Image.split, Image.label)):
        found.setdefault(split or UNSPLIT, {})[label] = count
    return found


def split_from_path(spec: ClassifierSpec, path: str) -> Split | None:
    """Return the split that a folder on the path names, if one does."""
    folders = (part.lower() for part in PurePosixPath(path).parent.parts)
    return next((spec.data.split_folders[part] for part in folders if part in spec.data.split_folders), None)


def _check_split(split: str | None) -> Split | None:
    if split is None:
        return None
    for known in SPLITS:
        if split == known:
            return known
    raise InvalidInput(f"{split!r} is no split; choose one of: {', '.join(SPLITS)}, or leave it out.")
