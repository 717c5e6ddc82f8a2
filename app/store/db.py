"""The database handle, its column types and SQLite's settings."""

from __future__ import annotations

import secrets
import sqlite3
import time
from datetime import UTC, datetime
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, Engine, TypeDecorator, event
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """Base of all tables."""


db = SQLAlchemy(model_class=Base, disable_autonaming=True)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, kept as UTC without zone (SQLite knows none) and given back with its zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:  # noqa: ARG002, ANN401, D102 - SQLAlchemy's signature
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:  # noqa: ARG002, ANN401, D102 - SQLAlchemy's signature
        return None if value is None else value.replace(tzinfo=UTC)


def now() -> datetime:
    """Return the present moment, in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """Return a fresh identifier of 32 hexadecimal digits that sorts by the time it was made."""
    return f"{time.time_ns():016x}{secrets.token_hex(8)}"


@event.listens_for(Engine, "connect")
def _configure_sqlite(connection: Any, _record: Any) -> None:  # noqa: ANN401 - any DBAPI connection
    # WAL lets readers and one writer work side by side; NORMAL keeps every commit through a crash of the process.
    if isinstance(connection, sqlite3.Connection):
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=10000", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
