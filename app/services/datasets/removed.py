"""Removed images: what a model learned from them still holds for their patients and copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import and_, or_, select

from app.batched import batched
from app.classifiers.spec import Split
from app.store.db import db
from app.store.tables import Image, NearDuplicate, RemovedImage
from app.training.data.splits import earliest


def bring_back(row: Image) -> None:
    """Let an image that joins the dataset keep what it was used for before it was removed, if it was."""
    known = db.session.get(RemovedImage, (row.classifier, row.sha256))
    if known is not None:
        row.used, row.tested = known.used, known.tested
        db.session.delete(known)


def used_before(classifier: str) -> Mapping[str, Split]:
    """Return the earliest split that removed images were used in, by their group and by the SHA-256 of their copies."""
    gone = (RemovedImage.classifier == classifier, RemovedImage.used.is_not(None))
    found: dict[str, Split | None] = {}
    for group, used in db.session.execute(select(RemovedImage.group, RemovedImage.used).where(*gone)):
        found[group] = earliest([found.get(group), used])
    ends = or_(RemovedImage.sha256 == NearDuplicate.first, RemovedImage.sha256 == NearDuplicate.second)
    pairs = select(RemovedImage.sha256, NearDuplicate.first, NearDuplicate.second, RemovedImage.used).join(
        NearDuplicate, and_(NearDuplicate.classifier == classifier, ends)
    )
    for sha256, first, second, used in db.session.execute(pairs.where(*gone)):
        other = second if sha256 == first else first
        found[other] = earliest([found.get(other), used])
    return {name: used for name, used in found.items() if used is not None}


def removed_among(classifier: str, hashes: Sequence[str]) -> set[str]:
    """Return those of these images that were removed from the dataset."""
    found: set[str] = set()
    for some in batched(hashes, 500):
        query = select(RemovedImage.sha256).where(RemovedImage.classifier == classifier, RemovedImage.sha256.in_(some))
        found |= set(db.session.scalars(query))
    return found
