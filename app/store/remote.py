"""A storage that several machines share: objects in a bucket, named by the SHA-256 of their content."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, TypeVar

from app.errors import NotFound, Unavailable
from app.runners import Run

if TYPE_CHECKING:  # these types are there for type checkers only
    from obstore.store import ClientConfig, RetryConfig, S3Store

log = logging.getLogger(__name__)

# What is away for longer than these few tries is said to be so, rather than waited for.
CLIENT: Final[ClientConfig] = {"connect_timeout": "2s", "read_timeout": "10s", "timeout": "5min", "allow_http": True}
RETRIES: Final[RetryConfig] = {
    "max_retries": 3,
    "retry_timeout": timedelta(seconds=15),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=1), "base": 2},
}
PIECE: Final = 8_000_000  # bytes of a large object that are in memory at once
T = TypeVar("T")
AWAY: Final = "The storage of images and models does not answer; nothing was changed, try again in a minute."


def connect(url: str) -> S3Store:
    """Return the store of an s3:// URL, whose paths are relative to it; keys and address come from AWS_*."""
    from obstore.store import S3Store  # noqa: PLC0415 - who keeps files locally does without

    return S3Store.from_url(url.rstrip("/"), client_options=CLIENT, retry_config=RETRIES)


class Place:
    """A place below an s3:// URL to read files from, such as images to import."""

    def __init__(self, url: str) -> None:
        self._store = connect(url)

    def list(self) -> list[tuple[str, int]]:
        """Return the names of all files, relative to the place and in order, each with its size in bytes."""
        with _speaking():
            return sorted((found["path"], found["size"]) for chunk in self._store.list() for found in chunk)

    def read(self, name: str) -> bytes:
        """Return the bytes of a file; NotFound when it is gone."""
        with _speaking():
            return bytes(self._store.get(name).bytes())


class Remote:
    """Objects below s3://bucket/prefix. Each appears whole or not at all, and is checked against its name when read.

    `run_blocking_io` runs what waits for the network, and hashes. Raises Unavailable when the storage does not answer.
    """

    def __init__(self, url: str, run_blocking_io: Run) -> None:
        self._store = connect(url)
        self._run_blocking_io = run_blocking_io

    def put(self, kind: str, data: bytes, sha256: str | None = None) -> str:
        """Store the bytes among the objects of a kind; return their SHA-256, computed where it is not known."""
        if sha256 is None:
            sha256 = self._run_blocking_io(lambda: hashlib.sha256(data).hexdigest())
        self._send(_key(kind, sha256), data)
        return sha256

    def put_file(self, kind: str, path: Path, sha256: str | None = None) -> str:
        """Store a file, however large, in the same way; its SHA-256 is computed where it is not known."""
        if sha256 is None:
            sha256 = self._run_blocking_io(lambda: _hash_file(path))
        self._send(_key(kind, sha256), path)
        return sha256

    def read(self, kind: str, sha256: str) -> bytes:
        """Return an object's bytes; NotFound when it is not stored."""
        return self._do(lambda: self._read(kind, sha256))

    def has(self, kind: str, sha256: str) -> bool:
        """Say whether an object is stored."""
        try:
            self._do(lambda: self._store.head(_key(kind, sha256)))
        except NotFound:
            return False
        return True

    def fetch(self, kind: str, sha256: str, target: Path) -> None:
        """Write an object, however large, to the file `target`; NotFound when it is not stored."""
        self._do(lambda: self._copy(kind, sha256, target))

    def list(self, kind: str) -> Iterator[tuple[str, int, datetime]]:
        """Yield the SHA-256, the bytes and the last moment of storing of each object of a kind, by SHA-256.

        It waits in the thread that asks, so it is not for a web process.
        """
        with _speaking():
            for chunk in self._store.list(kind):
                for found in chunk:
                    yield PurePosixPath(found["path"]).name, found["size"], found["last_modified"]

    def remove(self, kind: str, sha256: str, before: datetime) -> bool:
        """Remove an object, unless it was stored at `before` or later, or is not there; say whether.

        A bucket cannot do both at once: what is stored again between the look and the removal, some milliseconds,
        is lost. So `before` has to be long ago.
        """
        key = _key(kind, sha256)
        try:
            if self._do(lambda: self._store.head(key))["last_modified"] >= before:
                return False
        except NotFound:
            return False
        self._do(lambda: self._store.delete(key))
        return True

    def _read(self, kind: str, sha256: str) -> bytes:
        data = bytes(self._store.get(_key(kind, sha256)).bytes())
        _check(hashlib.sha256(data).hexdigest(), sha256)
        return data

    def _copy(self, kind: str, sha256: str, target: Path) -> None:
        digest = hashlib.sha256()
        with target.open("wb") as file:
            for piece in self._store.get(_key(kind, sha256)).stream(PIECE):
                digest.update(piece)
                file.write(piece)
        _check(digest.hexdigest(), sha256)

    def _send(self, key: str, content: bytes | Path) -> None:
        try:
            self._do(lambda: self._store.put(key, content))
        except NotFound as error:
            raise Unavailable("There is no bucket as STORAGE_URL names it; make it or correct the setting.") from error

    def _do(self, call: Callable[[], T]) -> T:
        def work() -> T:
            with _speaking():
                return call()

        return self._run_blocking_io(work)


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _key(kind: str, sha256: str) -> str:
    return f"{kind}/{sha256[:2]}/{sha256}"


@contextmanager
def _speaking() -> Iterator[None]:
    """Say in a sentence what the network or the storage did."""
    from obstore.exceptions import BaseError  # noqa: PLC0415 - as above

    try:
        yield
    except FileNotFoundError as error:
        raise NotFound("The storage does not hold what the records name.") from error
    except (BaseError, OSError) as error:
        log.warning("The storage: %s", str(error).splitlines()[0])
        raise Unavailable(AWAY) from error


def _check(found: str, sha256: str) -> None:
    if found != sha256:
        raise NotFound(f"The storage holds {sha256} damaged; restore it from a backup.")
