"""Queries that several figures of the service are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import func, select

from app.store.db import db
from app.store.tables import Prediction

WINDOW: Final = 1000


def recent(column: Any, *where: Any) -> Sequence[float]:  # noqa: ANN401 - SQL expressions
    """Return the column of the last WINDOW predictions that meet the conditions, the newest first."""
    query = select(column).where(*where).order_by(Prediction.created_at.desc()).limit(WINDOW)
    return db.session.scalars(query).all()


def count_by(column: Any, *where: Any) -> dict[str, int]:  # noqa: ANN401 - SQL expressions
    """Return how many rows that meet the conditions have each value of the column."""
    query = select(column, func.count()).where(*where).group_by(column).order_by(column)
    return {str(name): count for name, count in db.session.execute(query)}
