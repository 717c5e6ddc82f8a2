"""The only door to stored images: each is kept by its content, in a folder of this machine or in a shared bucket."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfileobj
from tempfile import NamedTemporaryFile
from typing import IO, Final, NamedTuple, Protocol, TypeVar

from app.errors import NotFound
from app.runners import Run
from app.store.remote import Remote
from app.store.staging import SHA256, TEMPORARY_PREFIX, write, write_once

IMAGES: Final = "images"
AT_ONCE: Final = 16  # a bucket answers many requests as fast as one
T = TypeVar("T")
R = TypeVar("R")


class Stored(NamedTuple):
    """A stored image: its SHA-256, its size in bytes, and when it was stored last."""

    sha256: str
    size: int
    at: datetime


class Files(Protocol):
    """Images stored once, by the SHA-256 of their bytes.

    What is derived from them is kept on this machine, below `root`, wherever the images are.
    """

    root: Path
    _run_cpu_bound: Run

    def put(self, data: bytes) -> str:
        """Store the bytes and return their SHA-256; storing the same bytes again changes nothing but their time."""
        sha256 = hashlib.sha256(data).hexdigest()
        self.put_known(sha256, data)
        return sha256

    def put_known(self, sha256: str, data: bytes) -> None:
        """Store bytes whose SHA-256 the caller has; quick where they are stored on this machine already."""

    def put_pieces(self, pieces: Iterable[bytes]) -> str:
        """Store bytes of any length, which never are in memory at once; return their SHA-256."""
        self.root.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=self.root, prefix=TEMPORARY_PREFIX) as file:
            file.writelines(pieces)
            file.flush()
            path = Path(file.name)
            return self.compute_and_store(lambda: _hash(path), lambda sha256: self._put_file(path, sha256))

    def put_stream(self, stream: IO[bytes]) -> str:
        """Store what a stream holds where it holds up no request, never all in memory; return its SHA-256."""
        self.root.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=self.root, prefix=TEMPORARY_PREFIX) as file:

            def copy() -> str:
                copyfileobj(stream, file)
                file.flush()
                return _hash(Path(file.name))

            return self.compute_and_store(copy, lambda sha256: self._put_file(Path(file.name), sha256))

    def _put_file(self, path: Path, sha256: str) -> str:
        """Store a file of this SHA-256, which the caller removes; return the SHA-256."""

    def read(self, sha256: str) -> bytes:
        """Return the stored bytes; NotFound when there are none."""

    def has(self, sha256: str) -> bool:
        """Say whether the image is stored."""

    def stored(self) -> Iterator[Stored]:
        """Yield every stored image, in the order of the SHA-256."""

    def bring(self, hashes: Iterable[str], folder: Path, fetched: Callable[[int], object]) -> Iterator[Path]:
        """Yield a file to read for each image; those of a bucket are copied into `folder`, once, and counted."""

    def compute_and_store(self, compute: Callable[[], T], store: Callable[[T], R]) -> R:
        """Run `compute` where it holds up no request, then `store`, which puts images, with its result."""

    def _drop(self, sha256: str, before: datetime) -> bool:
        """Remove an image, unless it was stored at `before` or later; say whether."""

    def remove(self, sha256: str, before: datetime) -> bool:
        """Remove an image and what this machine derived from it, unless it was stored at `before` or later."""
        removed = self._drop(self.place(sha256).name, before)
        if removed:
            for path in self.root.glob(f"derived/*/{sha256[:2]}/{sha256}"):
                path.unlink(missing_ok=True)
        return removed

    def derived(self, sha256: str, name: str, make: Callable[[bytes], bytes]) -> bytes:
        """Return what `make` gives for the stored bytes; it is kept under `name`, and made once."""
        target = self.root / "derived" / name / self.place(sha256).relative_to(self.root / IMAGES)
        if target.is_file():
            return target.read_bytes()
        made = make(self.read(sha256))
        write_once(target, made)
        return made

    def derive(self, sha256: str, name: str, make: Callable[[bytes], bytes]) -> bytes:
        """Do as `derived` does, where it holds up no request."""
        return self._run_cpu_bound(lambda: self.derived(sha256, name, make))

    def place(self, sha256: str) -> Path:
        """Return where the bytes lie, if they are stored below the folder."""
        if not SHA256.fullmatch(sha256):
            raise NotFound(f"{sha256!r} is not the SHA-256 of a stored image.")
        return Path(self.root, IMAGES, sha256[:2], sha256)


class LocalFiles(Files):
    """Images in a folder of this machine."""

    def __init__(self, root: Path, run_cpu_bound: Run) -> None:
        self.root = root
        self._run_cpu_bound = run_cpu_bound

    def put_known(self, sha256: str, data: bytes) -> None:  # noqa: D102 - as in Files
        place = self.place(sha256)
        try:
            os.utime(place)  # `remove` leaves what has been stored again
            whole = place.stat().st_size == len(data)
        except FileNotFoundError:
            whole = False
        if not whole:  # missing, or cut short by a machine that lost its power
            write(place, data)

    def _put_file(self, path: Path, sha256: str) -> str:
        place, linked = self.place(sha256), path.with_name(f"{path.name}-whole")
        place.parent.mkdir(parents=True, exist_ok=True)
        linked.hardlink_to(path)
        linked.replace(place)
        linked.unlink(missing_ok=True)  # where `place` was this very file, the system leaves both names
        return sha256

    def read(self, sha256: str) -> bytes:  # noqa: D102 - as in Files
        try:
            return self.place(sha256).read_bytes()
        except FileNotFoundError as error:
            raise NotFound(f"There is no stored image {sha256}.") from error

    def has(self, sha256: str) -> bool:  # noqa: D102 - as in Files
        return self.place(sha256).is_file()

    def stored(self) -> Iterator[Stored]:  # noqa: D102 - as in Files
        for folder in sorted((self.root / IMAGES).glob("??")):
            for path in sorted(folder.iterdir()):
                with suppress(FileNotFoundError):  # it was removed a moment ago
                    found = path.stat()
                    if SHA256.fullmatch(path.name):
                        yield Stored(path.name, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))

    def bring(self, hashes: Iterable[str], folder: Path, fetched: Callable[[int], object]) -> Iterator[Path]:  # noqa: ARG002, D102 - as in Files
        yield from map(self.place, hashes)

    def compute_and_store(self, compute: Callable[[], T], store: Callable[[T], R]) -> R:
        """Do both in one go: writing a file is quick, and another thread would cost more."""
        return self._run_cpu_bound(lambda: store(compute()))

    def _drop(self, sha256: str, before: datetime) -> bool:
        place = self.place(sha256)
        moved = place.with_name(f"{TEMPORARY_PREFIX}{place.name}")
        try:
            place.rename(moved)  # from here on, who stores the image writes it again
        except FileNotFoundError:
            return False
        if moved.stat().st_mtime >= before.timestamp():
            moved.rename(place)
            return False
        moved.unlink()
        return True


class BucketFiles(Files):
    """Images in a bucket that other machines see, and that may be slow."""

    def __init__(self, root: Path, remote: Remote, run_cpu_bound: Run) -> None:
        self.root = root
        self._remote = remote
        self._run_cpu_bound = run_cpu_bound

    def put(self, data: bytes) -> str:  # noqa: D102 - as in Files
        return self._remote.put(IMAGES, data)

    def put_known(self, sha256: str, data: bytes) -> None:  # noqa: D102 - as in Files
        self._remote.put(IMAGES, data, sha256)

    def _put_file(self, path: Path, sha256: str) -> str:
        return self._remote.put_file(IMAGES, path, sha256)

    def read(self, sha256: str) -> bytes:  # noqa: D102 - as in Files
        return self._remote.read(IMAGES, self.place(sha256).name)

    def has(self, sha256: str) -> bool:  # noqa: D102 - as in Files
        return self._remote.has(IMAGES, self.place(sha256).name)

    def stored(self) -> Iterator[Stored]:  # noqa: D102 - as in Files
        yield from (Stored(*found) for found in self._remote.list(IMAGES))

    def bring(self, hashes: Iterable[str], folder: Path, fetched: Callable[[int], object]) -> Iterator[Path]:  # noqa: D102 - as in Files
        with ThreadPoolExecutor(AT_ONCE) as pool:
            try:
                copies = pool.map(lambda sha256: self._copy(sha256, folder / sha256), hashes)
                for done, path in enumerate(copies, start=1):
                    fetched(done)
                    yield path
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def compute_and_store(self, compute: Callable[[], T], store: Callable[[T], R]) -> R:
        """Let no thread that computes wait for the network."""
        return store(self._run_cpu_bound(compute))

    def _copy(self, sha256: str, target: Path) -> Path:
        if not target.exists():
            write_once(target, self.read(sha256))
        return target

    def _drop(self, sha256: str, before: datetime) -> bool:
        return self._remote.remove(IMAGES, sha256, before)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
