"""A bulk prediction's answers: all of them or those of one decision or class, read in pages; and how many of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, case, func, literal_column, select

from app.store.db import db
from app.store.tables import JobItem, Prediction
from app.store.transaction import release_connection

ERROR, WAITING = "error", "waiting"  # what stands in the place of a decision where there is no answer
PAGE: Final = 500

# Written into the statement: PostgreSQL does not see that an expression with parameters is the one it groups by.
_NO_ANSWER = case((JobItem.error.is_not(None), literal_column(f"'{ERROR}'")), else_=literal_column(f"'{WAITING}'"))
_STATE: Final = func.coalesce(Prediction.decision, _NO_ANSWER)


@dataclass(frozen=True)
class ResultFilter:
    """Which rows of a job: those of a `decision`, ERROR or WAITING, of a `predicted_class`, of both, or all."""

    decision: str | None = None
    predicted_class: str | None = None

    @property
    def where(self) -> list[ColumnElement[bool]]:
        """The conditions on the rows."""
        asked = ((_STATE, self.decision), (Prediction.predicted_class, self.predicted_class))
        return [column == value for column, value in asked if value is not None]


ALL: Final = ResultFilter()


def rows(job_id: str, wanted: ResultFilter, offset: int, limit: int | None) -> Iterator[dict[str, Any]]:
    """Yield a row per file, in the order of submission: its name, then its answer or its error.

    Read in pages, so that neither memory nor the database is held while somebody downloads slowly.
    """
    query = _of(job_id, JobItem.position, JobItem.filename, JobItem.error, Prediction.body).order_by(JobItem.position)
    query, last, left = query.where(*wanted.where), -1, limit
    if wanted == ALL:  # the index finds the first row without the answers of those before it
        places = select(JobItem.position).where(JobItem.job_id == job_id).order_by(JobItem.position)
        first = db.session.scalar(places.offset(offset).limit(1))
        if first is None:
            return
        last, offset = first - 1, 0
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        found = db.session.execute(query.where(JobItem.position > last).offset(offset).limit(size)).all()
        release_connection()
        for position, filename, error, body in found:
            yield {"file": filename, "error": error, **(body or {})}
            last = position
        if len(found) < size:
            return
        offset, left = 0, None if left is None else left - size


def count(job_id: str, wanted: ResultFilter) -> int:
    """Return how many rows there are; those of answers that were pruned are none."""
    if wanted == ALL:
        return int(db.session.scalars(select(func.count()).where(JobItem.job_id == job_id)).one())
    return int(db.session.scalars(_of(job_id, func.count()).where(*wanted.where)).one())


def counts(job_id: str) -> list[dict[str, Any]]:
    """Return how many images have each decision, or ERROR or WAITING, and each predicted class."""
    groups = (_STATE.label("decision"), Prediction.predicted_class)
    found = db.session.execute(_of(job_id, *groups, func.count().label("images")).group_by(*groups).order_by(*groups))
    return [dict(row) for row in found.mappings()]


def _of(job_id: str, *columns: Any) -> Select[Any]:  # noqa: ANN401 - SQL expressions
    query = select(*columns).select_from(JobItem).outerjoin(Prediction, Prediction.id == JobItem.prediction_id)
    return query.where(JobItem.job_id == job_id)
