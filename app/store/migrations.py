"""The database's revisions (Alembic's, in migrations/): where it stands, and the way up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from flask import current_app
from sqlalchemy import Connection, NullPool, create_engine, func, select

from app.errors import ConfigError
from app.store.db import db

if TYPE_CHECKING:  # alembic takes 17 MB that no web worker needs
    from alembic.config import Config

FOLDER: Final = Path(__file__).resolve().parents[2] / "migrations"
OPTIONS: Final[dict[str, Any]] = {"render_as_batch": True, "compare_type": True}
_LOCK: Final = 0x466F766561  # "Fovea": the number of PostgreSQL's advisory lock
_WAIT_MS: Final = 600_000


@contextmanager
def alone(given: Connection | None = None) -> Iterator[Connection]:
    """Give a connection in a transaction that other such wait for; what is done on it counts wholly or not at all.

    A connection that is `given` is alone already.
    """
    if given is not None:
        yield given
        return
    with create_engine(db.engine.url, poolclass=NullPool).begin() as connection:
        if connection.dialect.name == "sqlite":
            # Batch mode drops and renames tables: with foreign keys on, the rows that refer to them would go too.
            for statement in (f"PRAGMA busy_timeout={_WAIT_MS}", "PRAGMA foreign_keys=OFF", "BEGIN IMMEDIATE"):
                connection.exec_driver_sql(statement)
        else:
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        yield connection


def config() -> Config:
    """Return Alembic's configuration for the present application."""
    from flask_migrate import Migrate  # noqa: PLC0415 - see above

    return cast("Config", Migrate(current_app, db, directory=str(FOLDER), **OPTIONS).get_config())


def upgrade() -> None:
    """Bring the database to the newest revision; one process does it while the others wait.

    ConfigError when the database is of a newer Fovea.
    """
    with alone() as connection:
        _move(connection, "upgrade", "head")


@contextmanager
def emptied(revision: str) -> Iterator[Connection]:
    """Give a connection, alone, to empty tables as they are at `revision`; in the end they go to the newest.

    What was in them is gone then, unless the block raises: then nothing has changed.
    """
    with alone() as connection:
        for command, target in (("upgrade", "head"), ("downgrade", "base"), ("upgrade", revision)):
            _move(connection, command, target)
        yield connection
        _move(connection, "upgrade", "head")


def check_known(revision: str) -> None:
    """ConfigError when this Fovea does not know the revision."""
    from alembic import util  # noqa: PLC0415 - see above
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see above

    try:
        known = ScriptDirectory.from_config(config()).get_revision(revision)
    except util.CommandError as error:
        raise ConfigError(f"This is of another Fovea, whose revision this one does not know ({error}).") from error
    if known is None:
        raise ConfigError(f"This is of another Fovea: {revision!r} is no revision of tables.")


def revision_of(connection: Connection) -> str | None:
    """Return the revision that the database is at."""
    from alembic.migration import MigrationContext  # noqa: PLC0415 - see above

    return MigrationContext.configure(connection).get_current_revision()


def _move(connection: Connection, name: str, revision: str) -> None:
    """Run `upgrade` or `downgrade`; ConfigError when the revision is unknown."""
    from alembic import command, util  # noqa: PLC0415 - see above

    settings = config()
    settings.attributes["connection"] = connection
    try:
        getattr(command, name)(settings, revision)
    except util.CommandError as error:
        raise ConfigError(f"This is of another Fovea, whose revision this one does not know ({error}).") from error
