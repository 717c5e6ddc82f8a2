"""Keeps what was computed of a dataset for as long as the dataset stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

from sqlalchemy import func, select

from app.classifiers.spec import ClassifierSpec
from app.store.db import db
from app.store.tables import DatasetChange, Image, NearDuplicate

T = TypeVar("T")


class Revision(NamedTuple):
    """What is another as soon as anything of a dataset is, its classifier included; an index gives it."""

    spec: ClassifierSpec
    images: int
    last: int | None
    updated: datetime | None
    pairs: int


def revision(spec: ClassifierSpec) -> Revision:
    """Return the revision of a dataset as it is now."""
    facts = select(func.count(), func.max(Image.id), func.max(Image.updated_at)).where(Image.classifier == spec.name)
    pairs = select(func.count()).select_from(NearDuplicate).where(NearDuplicate.classifier == spec.name)
    images, last, updated = db.session.execute(facts).one()
    return Revision(spec, images, last, updated, db.session.scalars(pairs).one())


class PerRevision(Generic[T]):
    """What was computed last of each dataset. The results are shared: nobody may change them."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Revision, T]] = {}

    def get(self, spec: ClassifierSpec, compute: Callable[[], T]) -> T:
        """Return what `compute` gives for the dataset as it is now."""
        present = revision(spec)
        kept = self._kept.get(spec.name)
        if kept is None or kept[0] != present:
            kept = self._kept[spec.name] = (present, compute())
        return kept[1]


def revision_number(classifier: str) -> int:
    """Return the number of the last change that somebody made to the images of a dataset; 0 before the first."""
    query = select(func.coalesce(func.max(DatasetChange.number), 0)).where(DatasetChange.classifier == classifier)
    return db.session.scalars(query).one()


def lock_name(classifier: str) -> str:
    """Return what a unit of work locks while it decides something about the images of a dataset."""
    return f"dataset {classifier}"
