"""Finds answers again: by file, patient, class, decision, time, and whether somebody has reviewed them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, or_, select, tuple_
from sqlalchemy.orm import selectinload

from app.errors import InvalidInput
from app.store.db import db
from app.store.tables import Prediction


@dataclass(frozen=True)
class PredictionFilter:
    """Which predictions are wanted; what is None does not matter.

    `q` is part of the file name or the patient. `until` and `before` are exclusive. `cursor` continues a listing.
    """

    classifier: str | None = None
    decision: str | None = None
    predicted_class: str | None = None
    patient: str | None = None
    q: str | None = None
    reviewed: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    cursor: str | None = None


class Page(NamedTuple):
    """Some predictions, the newest first, and the cursor that continues the listing; None at its end."""

    rows: list[Prediction]
    next_cursor: str | None


def find(wanted: PredictionFilter, limit: int) -> Page:
    """Return so many of the predictions wanted, by an index that holds all that is compared."""
    newest = (Prediction.created_at.desc(), Prediction.id.desc())
    query = select(Prediction.id).where(*_conditions(wanted)).order_by(*newest).limit(limit + 1)
    ids = list(db.session.scalars(query))
    rows = select(Prediction).where(Prediction.id.in_(ids[:limit])).order_by(*newest)
    found = list(db.session.scalars(rows.options(selectinload(Prediction.reviews))))
    return Page(found, _cursor(found[-1]) if len(ids) > limit and found else None)


def _conditions(wanted: PredictionFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [
        column == value
        for column, value in (
            (Prediction.classifier, wanted.classifier),
            (Prediction.decision, wanted.decision),
            (Prediction.predicted_class, wanted.predicted_class),
            (Prediction.patient, wanted.patient),
        )
        if value is not None
    ]
    if wanted.q:
        held = (column.icontains(wanted.q, autoescape=True) for column in (Prediction.filename, Prediction.patient))
        found.append(or_(*held))
    if wanted.reviewed is not None:
        found.append(Prediction.reviews.any() if wanted.reviewed else ~Prediction.reviews.any())
    if wanted.since is not None:
        found.append(Prediction.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(Prediction.created_at < wanted.until)
    if wanted.cursor is not None:
        found.append(tuple_(Prediction.created_at, Prediction.id) < tuple_(*_place(wanted.cursor)))
    return found


def _cursor(row: Prediction) -> str:
    return f"{row.created_at.isoformat()}~{row.id}"


def _place(cursor: str) -> tuple[datetime, str]:
    moment, _, last = cursor.partition("~")
    try:
        return datetime.fromisoformat(moment), last
    except ValueError:
        raise InvalidInput("cursor must be what a listing gave as its next one.") from None
