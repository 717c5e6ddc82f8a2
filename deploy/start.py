"""Prepares Fovea, then becomes the command that follows: what every container starts with.

`python -m deploy.start gunicorn --config deploy/gunicorn.conf.py wsgi:app` brings the tables up to date, puts the
demonstration models in place and runs gunicorn. Of several that start at once, on one volume or on one database, one
prepares while the others wait. A database that does not answer yet is waited for.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import NullPool, create_engine, func, select
from sqlalchemy.exc import OperationalError

from app.config import PRIVATE, Settings
from app.errors import ConfigError, FoveaError
from app.factory import EXTENSION, create_core
from app.services.setup import initialise

PATIENCE: Final = 60.0  # seconds for a database that starts, too
LOCK: Final = 0x5374617274  # "Start": the number of PostgreSQL's advisory lock
AWS_SECRET: Final = "AWS_SECRET_ACCESS_KEY"  # noqa: S105 - a name


def main() -> None:
    """Prepare, then run the arguments in this process' place; exit status 2 for a bad setting, 1 for a failure."""
    os.umask(PRIVATE)
    try:
        read_aws_secret()
        prepare(Settings.from_env())
    except FoveaError as error:
        sys.exit(_failed(str(error), 2 if isinstance(error, ConfigError) else 1))
    except OperationalError as error:
        sys.exit(_failed(f"The database does not answer: {' '.join(str(error.orig).split())}", 1))
    if len(sys.argv) > 1:
        try:
            os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - the container's own command
        except OSError as error:
            sys.exit(_failed(f"{sys.argv[1]} cannot be run: {error.strerror}.", 127))


def prepare(settings: Settings) -> None:
    """Do what `flask init` does, one process at a time."""
    settings.prepare_folders()
    core = create_core(settings)
    with core.app_context(), _alone(settings):
        initialise(core.extensions[EXTENSION])


def read_aws_secret() -> None:
    """Take the bucket's key from the file that AWS_SECRET_ACCESS_KEY_FILE names; its client knows no such file."""
    path = os.environ.get(f"{AWS_SECRET}_FILE")
    if path and not os.environ.get(AWS_SECRET):
        try:
            os.environ[AWS_SECRET] = Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigError(f"{AWS_SECRET}_FILE={path!r} cannot be read ({error.strerror}).") from error


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Wait until no other process prepares the same volume or the same PostgreSQL; keep others waiting meanwhile."""
    with (settings.instance_dir / "start.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not settings.database.startswith("postgresql"):
            yield
            return
        engine = create_engine(settings.database, poolclass=NullPool, connect_args={"connect_timeout": 5})
        end = time.monotonic() + PATIENCE
        while True:
            try:
                connection = engine.connect()
                break
            except OperationalError:
                if time.monotonic() > end:
                    raise
                time.sleep(1)
        with connection:
            connection.execute(select(func.pg_advisory_lock(LOCK)))  # until the connection is closed
            yield


def _failed(sentence: str, status: int) -> int:
    print(sentence, file=sys.stderr)  # noqa: T201 - a container's log
    return status


if __name__ == "__main__":
    main()
