"""The database's rows as lines of JSON, which every database can write and read."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import JSON, Connection, DateTime, LargeBinary, MetaData, Table, func, select, text

from app.batched import batched
from app.store.db import db
from app.store.tables import Counted, ModelVersion, PredictionHour, Session

CHUNK: Final = 1000
NOT_KEPT: Final = (Session, Counted, PredictionHour)


@contextmanager
def snapshot() -> Iterator[Connection]:
    """Give a connection that sees the database as it was at its first look, whatever others write meanwhile."""
    with db.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
            yield connection
        else:
            yield connection.execution_options(isolation_level="REPEATABLE READ")


def tables(connection: Connection) -> list[Table]:
    """Return Fovea's tables as they are in the database, those that others refer to first; but for some.

    A session that has ended must not begin again; predictions are counted again.
    """
    found, kept = MetaData(), db.metadata.tables.keys() - {each.__tablename__ for each in NOT_KEPT}
    found.reflect(connection, only=lambda name, _: name in kept)
    for column in (column for table in found.sorted_tables for column in table.columns):
        if isinstance(column.type, JSON):
            column.type = JSON(none_as_null=True)  # no value is no value, not JSON's null
    return found.sorted_tables


def count(connection: Connection, table: Table) -> int:
    """Return the number of a table's rows."""
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def bundles(connection: Connection) -> list[tuple[str, int]]:
    """Return classifier and number of every model version."""
    return [(row.classifier, row.version) for row in connection.execute(select(ModelVersion.__table__))]


def write(connection: Connection, table: Table) -> Iterator[bytes]:
    """Yield each row of a table as a line of JSON."""
    names = ["".join(column.name) for column in table.columns]  # reflection gives str a subclass that orjson refuses
    with closing(connection.execute(select(table), execution_options={"yield_per": CHUNK})) as rows:
        for row in rows:
            line = dict(zip(names, row, strict=True))
            yield orjson.dumps(line, default=_plain, option=orjson.OPT_APPEND_NEWLINE)


def read(connection: Connection, table: Table, lines: Iterable[bytes]) -> int:
    """Insert the rows that `write` wrote; return their number."""
    kinds = {column.name: _kind(column.type) for column in table.columns}
    count = 0
    for chunk in batched(lines, CHUNK):
        rows = [{name: kinds[name](value) for name, value in orjson.loads(line).items()} for line in chunk]
        connection.execute(table.insert(), rows)
        count += len(rows)
    _continue(connection, table)
    return count


def _plain(value: Any) -> str:  # noqa: ANN401 - what orjson does not know
    if isinstance(value, bytes):
        return b64encode(value).decode()
    raise TypeError(f"{type(value)} has no form in JSON")


def _kind(kind: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - a column's type
    """Return what turns a column's value in JSON into that of Python."""
    if isinstance(kind, DateTime):
        return lambda value: value and datetime.fromisoformat(value)
    if isinstance(kind, LargeBinary):
        return lambda value: value and b64decode(value)
    return lambda value: value


def _continue(connection: Connection, table: Table) -> None:
    """Let PostgreSQL number new rows after those that brought their numbers along."""
    if connection.dialect.name != "postgresql" or "id" not in table.columns:
        return
    quoted = connection.dialect.identifier_preparer.quote(table.name)
    sequence = connection.scalar(select(func.pg_get_serial_sequence(quoted, "id")))
    last = connection.scalar(select(func.max(table.c.id)))
    if sequence is not None and last is not None:
        connection.execute(text("SELECT setval(:sequence, :last)"), {"sequence": sequence, "last": last})
