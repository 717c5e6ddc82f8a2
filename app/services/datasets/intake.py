"""Takes labelled images into a classifier's dataset: folders, archives, tables and single files by one way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from app.classifiers.catalog import Catalog
from app.classifiers.labels import group_of, known_label
from app.classifiers.spec import SPLITS, ClassifierSpec, Split
from app.errors import FoveaError, InvalidInput, Unavailable
from app.inference.image.decode import measure
from app.paths import shortened
from app.runners import Run
from app.services.datasets.archive import Found, Member, Upload, members, nothing_usable
from app.services.datasets.removed import bring_back
from app.store.audit_log import record
from app.store.db import db, storable
from app.store.db import replace as replace_row
from app.store.files import Files
from app.store.tables import Image, RejectedFile
from app.store.transaction import release_connection, transaction
from app.training.data.datasets import interpret
from app.training.data.tables import MAX_BYTES
from app.training.progress import Progress, silent

UNSPLIT: Final = "unassigned"
PATH: Final = 255  # characters that are kept of a file's path


@dataclass(frozen=True)
class Origin:
    """Where files come from, and what is given for all of them: a label and a split, if any, and a limit of bytes.

    Images that were added `since` then count as accepted: a run that was cut off has added them.
    """

    source: str
    label: str | None = None
    split: Split | None = None
    max_bytes: int = 2**31
    since: datetime | None = None


@dataclass(frozen=True)
class LabelledImage:
    """An image as it was sent; its `group` (a patient) is taken from the file name where none is given."""

    data: bytes
    filename: str
    label: str
    split: Split | None = None
    source: str = "upload"
    group: str | None = None


class StoredImage(NamedTuple):
    """An image that can be read and is stored; its size in pixels."""

    sha256: str
    width: int
    height: int


@dataclass
class Report:
    """What became of the files: taken, known already, and refused with a `kind` and a reason, which `kinds` counts.

    `ignored` counts the files that operating systems add, which are neither.
    """

    classifier: str
    accepted: int = 0
    duplicates: int = 0
    ignored: int = 0
    rejected: list[dict[str, str]] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=dict)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)


class Intake:
    """The way into the datasets; images are kept by content in `files`."""

    def __init__(self, catalog: Catalog, files: Files, max_file_bytes: int, run_cpu_bound: Run) -> None:
        self._catalog = catalog
        self._files = files
        self._max_file_bytes = max_file_bytes
        self._run_cpu_bound = run_cpu_bound

    def upload(
        self,
        classifier: str,
        uploads: Iterable[Upload],
        label: str | None = None,
        split: str | None = None,
        source: str = "upload",
    ) -> Report:
        """Store images with the label given, else by the classifier's convention, a folder or the name's prefix."""
        origin, sent = Origin(source, label, known_split(split)), list(uploads)
        self.check(classifier, origin)
        return self.receive(classifier, self._run_cpu_bound(lambda: members(sent)), origin, silent)

    def receive(self, classifier: str, found: Found, origin: Origin, progress: Progress) -> Report:
        """Do the same with files that were unpacked."""
        spec, label = self.check(classifier, origin)
        return self.take(spec, found, replace(origin, label=label, max_bytes=self._max_file_bytes), progress)

    def check(self, classifier: str, origin: Origin) -> tuple[ClassifierSpec, str | None]:
        """Return the classifier and the label as its class; NotFound or InvalidInput when there is none of the name."""
        spec = self._catalog[classifier]
        return spec, None if origin.label is None else known_label(spec, origin.label)

    def take(self, spec: ClassifierSpec, found: Found, origin: Origin, progress: Progress) -> Report:
        """Take in every file that can be used; the others are counted and listed, never fatal. Twice is as once."""
        by_name = _by_path(found.members)
        release_connection()  # nothing of the database is held while tables are read, or images looked at
        read = partial(_read_table, by_name)
        entries, refusals, _ = self._run_cpu_bound(lambda: interpret(list(by_name), read, spec, origin.label))
        log = _Log(spec.name, origin)
        log.report.ignored = found.ignored
        for refusal in refusals:
            log.refuse(refusal.name, refusal.kind, refusal.reason)
        for done, entry in enumerate(entries, start=1):
            for member in by_name[entry.name]:
                loaded = self._run_cpu_bound(partial(member.read_image, origin.max_bytes))
                if loaded.data is None:
                    log.refuse(entry.name, "unreadable", loaded.reason)
                else:
                    given = origin.split or entry.split
                    image = LabelledImage(loaded.data, entry.name, entry.label, given, origin.source, entry.group)
                    self._take(spec, image, log)
            progress("importing", done, len(entries))
        return log.finish()

    def add(self, spec: ClassifierSpec, image: LabelledImage) -> bool:
        """Check, store and record one image; say whether it is new. InvalidInput when it cannot be read."""
        return self._record(spec, image, self._store(image.data))

    def _store(self, data: bytes) -> StoredImage:
        """Check and store an image where it holds up no request."""
        release_connection()  # nothing of the database is held meanwhile
        return self._files.compute_and_store(
            partial(measure, data), lambda size: StoredImage(self._files.put(data), *size)
        )

    def _record(self, spec: ClassifierSpec, image: LabelledImage, stored: StoredImage) -> bool:
        """Make a stored image part of the dataset; say whether it is new."""
        sha256 = stored.sha256
        known = db.session.scalar(select(Image).where(Image.classifier == spec.name, Image.sha256 == sha256))
        if known is not None:
            _protect(known, image.split)
            return False
        name = PurePosixPath(image.filename).name[-255:]
        group = image.group or group_of(spec, name) or sha256
        row = Image(
            classifier=spec.name, sha256=sha256, label=image.label, split=image.split, group=group[:255], filename=name,
            source=image.source, width=stored.width, height=stored.height,
        )  # fmt: skip
        try:
            with transaction():
                bring_back(row)
                db.session.add(row)
        except IntegrityError:  # the same image arrived twice at the same moment
            return False
        return True

    def _take(self, spec: ClassifierSpec, image: LabelledImage, log: _Log) -> None:
        """Add one image and log what became of it."""
        name = image.filename
        try:
            stored = self._store(image.data)
            new = self._record(spec, image, stored)
        except Unavailable:
            raise  # nothing is wrong with the file; to send it again is safe
        except FoveaError as error:
            log.refuse(name, "unreadable", str(error))
            return
        given = (Image.classifier == spec.name, Image.sha256 == stored.sha256)
        label, at = db.session.execute(select(Image.label, Image.created_at).where(*given)).one()
        if log.since is not None and stored.sha256 not in log.seen:
            new = at >= log.since
        log.report.accepted += new
        log.report.duplicates += not new
        twin = log.seen.setdefault(stored.sha256, name)
        if label != image.label:
            log.refuse(name, "conflict", f"the same bytes are labelled {label} already, here {image.label}")
        elif twin != name:
            log.refuse(name, "duplicate", f"the same bytes as {twin}")


class _Log:
    """Writes down what became of an import's files: in the report, and in the database for the audit."""

    def __init__(self, classifier: str, origin: Origin) -> None:
        self.source, self.since = origin.source, origin.since
        self.report = Report(classifier)
        self.seen: dict[str, str] = {}

    def refuse(self, path: str, kind: str, reason: str) -> None:
        """Note a file that is left out."""
        self.report.rejected.append({"file": path, "kind": kind, "reason": reason})

    def finish(self) -> Report:
        """Keep what was refused, count and return the report."""
        with transaction():
            self._keep()
            added = {"accepted": self.report.accepted, "rejected": len(self.report.rejected)}
            record("images.added", self.report.classifier, **added)
        self.report.kinds = dict(Counter(row["kind"] for row in self.report.rejected))
        self.report.counts = counts(self.report.classifier)
        return self.report

    def _keep(self) -> None:
        """Write down the refused files; the same file again replaces what was noted before."""
        rows: dict[str, dict[str, str]] = {}
        for refused in self.report.rejected:
            path = storable(shortened(refused["file"], PATH), PATH)  # as the database gives it back
            rows[path] = {"kind": refused["kind"], "reason": refused["reason"][:500]}
        key = {"classifier": self.report.classifier, "source": self.source}
        for path in sorted(rows):  # in one order, so that no two uploads wait for each other
            replace_row(RejectedFile, key | {"path": path}, rows[path])


def _by_path(members: Iterable[Member]) -> dict[str, list[Member]]:
    """Return the files of each path: a call may have several of one path."""
    found: dict[str, list[Member]] = {}
    for member in members:
        found.setdefault(member.path, []).append(member)
    return found


def _read_table(by_name: Mapping[str, Sequence[Member]], name: str) -> bytes:
    """Return the bytes of a table; InvalidInput when there are none, or more than all tables may have."""
    loaded = by_name[name][0].read(MAX_BYTES)
    if loaded.data is None:
        raise InvalidInput(f"The table {name} cannot be used: {loaded.reason}.")
    return loaded.data


def _protect(known: Image, split: Split | None) -> None:
    """Keep a known image out of training once it was given as a validation or test image too."""
    if split is not None and (known.split is None or SPLITS.index(split) > SPLITS.index(known.split)):
        with transaction():
            known.split = split


def known_split(split: str | None) -> Split | None:
    """Return the split that a word names, None for none; InvalidInput when there is no such split."""
    if split is None:
        return None
    for known in SPLITS:
        if split == known:
            return known
    raise InvalidInput(f"{split!r} is no split; choose one of: {', '.join(SPLITS)}, or leave it out.")


def refuse_if_useless(report: Report) -> None:
    """InvalidInput for an upload without a usable file."""
    if report.accepted or report.duplicates:
        return
    if not report.rejected:
        raise InvalidInput("The archive holds no image; send one with images, in a folder for each class.")
    raise nothing_usable(report.rejected)


def counts(classifier: str) -> dict[str, dict[str, int]]:
    """Count a dataset's images by split (`unassigned` where training draws it) and class."""
    query = select(Image.split, Image.label, func.count()).where(Image.classifier == classifier)
    found: dict[str, dict[str, int]] = {}
    for split, label, count in db.session.execute(query.group_by(Image.split, Image.label)):
        found.setdefault(split or UNSPLIT, {})[label] = count
    return found
