"""The database handle, its column types and SQLite's settings."""

from __future__ import annotations

import secrets
import sqlite3
import time
from datetime import UTC, datetime
from typing import Any, Final

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, Engine, MetaData, String, TypeDecorator, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase

# A migration finds a constraint by its name, so each has one that every database agrees on.
NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(naming_convention=NAMES)


db = SQLAlchemy(model_class=Base, disable_autonaming=True)


# For statements after which nobody looks at the objects that the session has loaded: it compares them with nothing.
UNSYNCHRONIZED: Final = {"synchronize_session": False}


def replace(table: type[Base], key: dict[str, Any], values: dict[str, Any]) -> None:
    """Insert a row, or change the one of this unique key: in one statement, since another may insert it meanwhile."""
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table).values(**key, **values)
    db.session.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, kept as UTC without zone (SQLite knows none) and given back with its zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:  # noqa: ARG002, ANN401, D102 - SQLAlchemy's signature
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:  # noqa: ARG002, ANN401, D102 - SQLAlchemy's signature
        return None if value is None else value.replace(tzinfo=UTC)


class Text(TypeDecorator[str]):
    """A text of at most so many characters: what is longer is cut, what PostgreSQL cannot keep becomes a mark."""

    impl = String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.characters = length

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:  # noqa: ARG002, ANN401, D102 - SQLAlchemy's signature
        return None if value is None else storable(value, self.characters)


def storable(value: str, characters: int) -> str:
    """Return a text as a column `Text(characters)` keeps it."""
    return value.encode(errors="replace").decode().replace("\0", "\ufffd")[:characters]


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
