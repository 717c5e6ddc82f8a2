"""Dataset versions: what a training run learns from, divided without leaks and written down for good."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

from sqlalchemy import or_, select, update

from app.batched import batched
from app.classifiers.catalog import Catalog
from app.classifiers.spec import SPLITS, ClassifierSpec, Split
from app.errors import NotFound
from app.runners import Run
from app.services.datasets.duplicates import Duplicates, dataset
from app.services.datasets.removed import used_before
from app.services.datasets.revision import PerRevision, lock_name, revision_number
from app.store.db import UNSYNCHRONIZED, db
from app.store.files import Files
from app.store.tables import CORRECTION, DatasetVersion, Image
from app.store.transaction import transaction
from app.training.audit.copies import Pair
from app.training.data import manifest
from app.training.data.samples import Sample
from app.training.data.splits import assign, earliest, leaks, unite
from app.training.progress import Progress


@dataclass(frozen=True)
class Division:
    """A dataset divided: the `samples` to use, the `left_out` images with the reason, and the group of each image."""

    samples: tuple[Sample, ...]
    left_out: list[dict[str, str]]
    groups: Mapping[str, str]

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """The number of samples by split and class."""
        found: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
        for sample in self.samples:
            found[sample.split][sample.label] += 1
        return {split: dict(labels) for split, labels in found.items()}

    @cached_property
    def version(self) -> str:
        """The id of this dataset version."""
        return manifest.identify(manifest.of(self.samples))


class Counts(NamedTuple):
    """The number of a dataset's images by split and class, and of those that are left out."""

    counts: dict[str, dict[str, int]]
    left_out: int


PRESENT: Final = "present"  # in place of a version's id: the dataset as it is now
CHUNK: Final = 500  # names in one statement
_DIVIDED_BY: Final = (
    Image.sha256, Image.filename, Image.label, Image.split, Image.group, Image.source, Image.used,
    Image.placed,
)  # fmt: skip


class DatasetVersions:
    """The dataset versions' use cases."""

    def __init__(self, catalog: Catalog, files: Files, duplicates: Duplicates, run_cpu_bound: Run) -> None:
        self._catalog = catalog
        self._files = files
        self._duplicates = duplicates
        self._run_cpu_bound = run_cpu_bound
        self._counts: PerRevision[Counts] = PerRevision()

    def freeze(self, classifier: str, progress: Progress) -> Division:
        """Divide the dataset as it is now and record it; the same images give the same version, kept once.

        The splits are decided with that: no image that is used for training now will ever test.
        """
        spec = self._catalog[classifier]
        while True:
            seen, rows = revision_number(classifier), dataset(classifier)
            pairs = self._duplicates.pairs(classifier, [row.sha256 for row in rows], progress)
            divided = divide(spec, rows, pairs, self._files, used_before(classifier))
            with transaction() as unit:
                unit.lock(lock_name(classifier))
                if revision_number(classifier) == seen:  # else somebody changed images meanwhile: what they say holds
                    _decide(spec, divided)
                    return divided

    def has_new(self, classifier: str) -> bool:
        """Whether there are images that were not yet compared with the others."""
        hashes = db.session.scalars(select(Image.sha256).where(Image.classifier == classifier)).all()
        return bool(self._duplicates.new(classifier, hashes))

    def learned(self, classifier: str, version: str) -> list[manifest.Row] | None:
        """Return the images of a dataset version that a model learned from; None where the version is not known."""
        try:
            row = self._find(classifier, version)
        except NotFound:
            return None
        return [each for each in _manifest(row) if each.split != "test"]

    def preview(self, classifier: str) -> Division:
        """Divide the dataset as training would, by what is known of images that show the same: none is looked at."""
        spec = self._catalog[classifier]
        query = select(*_DIVIDED_BY).where(Image.classifier == classifier).order_by(Image.id)
        rows = db.session.execute(query).all()
        pairs = self._duplicates.known(classifier, [row.sha256 for row in rows])
        learned = used_before(classifier)
        return self._run_cpu_bound(lambda: divide(spec, rows, pairs, self._files, learned))

    def counts(self, classifier: str) -> Counts:
        """Count what `preview` gives; it is computed once for each revision of the dataset."""

        def count() -> Counts:
            divided = self.preview(classifier)
            return Counts(divided.counts, len(divided.left_out))

        return self._counts.get(self._catalog[classifier], count)

    def rows(self, classifier: str, version: str) -> list[manifest.Row]:
        """Return the images of a version, by SHA-256; of PRESENT those that a training run would use now."""
        if version == PRESENT:
            return manifest.of(self.preview(classifier).samples)
        self._catalog[classifier]
        return _manifest(self._find(classifier, version))

    def list(self, classifier: str) -> list[dict[str, Any]]:
        """Return a summary of every version, the newest first."""
        self._catalog[classifier]
        query = select(DatasetVersion).where(DatasetVersion.classifier == classifier)
        return [_summary(row) for row in db.session.scalars(query.order_by(DatasetVersion.created_at.desc()))]

    def get(self, classifier: str, version: str) -> dict[str, Any]:
        """Return a version with its manifest; NotFound when there is none."""
        self._catalog[classifier]
        row = self._find(classifier, version)
        return {**_summary(row), "left_out": row.left_out, "manifest": [each._asdict() for each in _manifest(row)]}

    def _find(self, classifier: str, version: str) -> DatasetVersion:
        row = db.session.get(DatasetVersion, (version, classifier))
        if row is None:
            raise NotFound(f"{classifier} has no dataset version {version!r}; see /api/datasets/{classifier}/versions.")
        return row


def divide(
    spec: ClassifierSpec, rows: Sequence[Any], pairs: Sequence[Pair], files: Files, learned: Mapping[str, Split]
) -> Division:
    """Give every image its split: patients and images that show the same stay on one side.

    Splits that the data's folders give are kept; where they part a group, its training images are left out. A split
    that somebody chose for a group by hand is one that it was in. What a model was corrected on is for training alone:
    a test of its mistakes would count against it and nobody else. `learned` is what `used_before` gives.
    """
    groups = unite([row.group for row in rows], [(pair.first, pair.second) for pair in pairs])
    keys = [(row.label, group) for row, group in zip(rows, groups, strict=True)]
    by_hand = [row.source == CORRECTION or row.placed for row in rows]
    splits = assign(
        keys,
        spec.training.seed,
        spec.split.shares,
        given=[None if chosen else row.split for row, chosen in zip(rows, by_hand, strict=True)],
        used=[earliest([_used(row), learned.get(row.group), learned.get(row.sha256)]) for row in rows],
    )
    leaking = set(leaks(groups, splits))
    samples = tuple(
        Sample(files.place(row.sha256), row.sha256, row.label, splits[place], groups[place], row.source)
        for place, row in enumerate(rows)
        if place not in leaking
    )
    left_out = [
        {"sha256": rows[place].sha256, "file": rows[place].filename, "split": splits[place],
         "reason": "its patient, or an image that shows the same, is in a split that comes later"}
        for place in sorted(leaking)
    ]  # fmt: skip
    return Division(samples, left_out, {row.sha256: group for row, group in zip(rows, groups, strict=True)})


def _used(row: Any) -> Split | None:  # noqa: ANN401 - a row of the columns _DIVIDED_BY
    """Return the latest split that an image may be in: what was learned from goes to no later one."""
    if row.source == CORRECTION:
        return "train"
    return earliest([row.used, row.split if row.placed else None])


def _manifest(row: DatasetVersion) -> list[manifest.Row]:
    return manifest.parse(zlib.decompress(row.manifest).decode())


def _decide(spec: ClassifierSpec, divided: Division) -> None:
    """Record a version and what it uses each image for, in the present transaction."""
    if db.session.get(DatasetVersion, (divided.version, spec.name)) is None:
        db.session.add(_record(spec, divided))
    for place, split in enumerate(SPLITS):
        later = or_(Image.used.is_(None), Image.used.in_(SPLITS[place + 1 :]))
        for hashes in batched([each.sha256 for each in divided.samples if each.split == split], CHUNK):
            db.session.execute(
                update(Image).where(Image.classifier == spec.name, Image.sha256.in_(hashes), later).values(used=split),
                execution_options=UNSYNCHRONIZED,
            )


def _record(spec: ClassifierSpec, divided: Division) -> DatasetVersion:
    table = manifest.text(manifest.of(divided.samples))
    return DatasetVersion(
        id=divided.version, classifier=spec.name, images=len(divided.samples), left_out=divided.left_out,
        counts=divided.counts, manifest=zlib.compress(table.encode()),
    )  # fmt: skip


def _summary(row: DatasetVersion) -> dict[str, Any]:
    return {
        "id": row.id,
        "classifier": row.classifier,
        "images": row.images,
        "counts": row.counts,
        "left_out_count": len(row.left_out),
        "created_at": row.created_at.isoformat(),
    }
