"""The test images: which of them are fair to two models, and how often they were used."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select, update

from app.store.db import db
from app.store.tables import Image
from app.training.data.manifest import Row
from app.training.data.samples import Sample
from app.training.evaluation.reuse import FRESH_FROM

CHUNK = 500  # names in one question to the database


def unseen(tests: Iterable[Sample], learned: Sequence[Row], groups: Mapping[str, str]) -> list[Sample]:
    """The test images that nothing was learned from, neither from them nor from others of their patient.

    `learned` are the images that the models learned from, `groups` the present groups by image: a patient's images and
    those that show the same may have become one group since.
    """
    hashes = {row.sha256 for row in learned}
    known = {row.group for row in learned} | {groups[sha256] for sha256 in hashes if sha256 in groups}
    return [each for each in tests if each.sha256 not in hashes and each.group not in known]


def state(classifier: str, hashes: Sequence[str]) -> dict[str, Any]:
    """How often these images were used for a test, as a mean, this time included, and when fresh ones are needed."""
    times = sum(
        db.session.scalars(select(func.coalesce(func.sum(Image.tested), 0)).where(*_named(classifier, part))).one()
        for part in _parts(hashes)
    )
    used = 1 + math.ceil(times / max(len(hashes), 1))
    return {"used": used, "fresh_needed_from": FRESH_FROM, "fresh_needed": used >= FRESH_FROM}


def count(classifier: str, hashes: Sequence[str]) -> None:
    """Count one more test on those of these images that the dataset has, in the present transaction."""
    for part in _parts(hashes):
        db.session.execute(update(Image).where(*_named(classifier, part)).values(tested=Image.tested + 1))


def _parts(hashes: Sequence[str]) -> Iterable[Sequence[str]]:
    return (hashes[start : start + CHUNK] for start in range(0, len(hashes), CHUNK))


def _named(classifier: str, hashes: Sequence[str]) -> tuple[Any, Any]:
    return Image.classifier == classifier, Image.sha256.in_(hashes)
