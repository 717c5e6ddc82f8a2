"""The only door to stored bytes: images by content, here or in a shared storage, and folders that appear whole."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from app.errors import NotFound
from app.store.remote import Remote

_SHA256 = re.compile(r"[0-9a-f]{64}")
TEMPORARY_PREFIX = ".new-"
IMAGES = "images"
AT_ONCE = 16  # a shared storage answers many as fast as one


class Stored(NamedTuple):
    """A stored image: its SHA-256, its size in bytes, and when it was stored last."""

    sha256: str
    size: int
    at: datetime


class Files:
    """Images stored once, by the SHA-256 of their bytes: below one folder, or in the `remote` storage.

    What is derived from them is kept in the folder in both cases.
    """

    def __init__(self, root: Path, remote: Remote | None = None) -> None:
        self.root = root
        self._remote = remote

    @property
    def shared(self) -> bool:
        """Whether the images lie in a storage that other machines see, and that may be slow."""
        return self._remote is not None

    def put(self, data: bytes) -> str:
        """Store the bytes and return their SHA-256; storing the same bytes again changes nothing but their time."""
        if self._remote is not None:
            return self._remote.put(IMAGES, data)
        sha256 = hashlib.sha256(data).hexdigest()
        place = self.place(sha256)
        try:
            os.utime(place)  # `remove` leaves what is wanted again
        except FileNotFoundError:
            write_once(place, data)
        return sha256

    def stored(self) -> Iterator[Stored]:
        """Yield every stored image, in the order of the SHA-256."""
        if self._remote is not None:
            yield from (Stored(*found) for found in self._remote.list(IMAGES))
            return
        for folder in sorted((self.root / IMAGES).glob("??")):
            for path in sorted(folder.iterdir()):
                with suppress(FileNotFoundError):  # it was removed a moment ago
                    found = path.stat()
                    if _SHA256.fullmatch(path.name):
                        yield Stored(path.name, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))

    def remove(self, sha256: str, before: datetime) -> bool:
        """Remove an image and what this machine derived from it, unless it was stored at `before` or later."""
        place = self.place(sha256)
        removed = self._remote.remove(IMAGES, sha256, before) if self._remote else _remove(place, before)
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

    def read(self, sha256: str) -> bytes:
        """Return the stored bytes; NotFound when there are none."""
        place = self.place(sha256)
        if self._remote is not None:
            return self._remote.read(IMAGES, sha256)
        try:
            return place.read_bytes()
        except FileNotFoundError as error:
            raise NotFound(f"There is no stored image {sha256}.") from error

    def place(self, sha256: str) -> Path:
        """Return where the bytes lie, if they are stored below the folder."""
        if not _SHA256.fullmatch(sha256):
            raise NotFound(f"{sha256!r} is not the SHA-256 of a stored image.")
        return Path(self.root, IMAGES, sha256[:2], sha256)

    def bring(self, hashes: Iterable[str], folder: Path) -> Iterator[Path]:
        """Yield a file to read for each image; those of a shared storage are copied into `folder`, once."""
        if self._remote is None:
            yield from map(self.place, hashes)
            return
        with ThreadPoolExecutor(AT_ONCE) as pool:
            try:
                yield from pool.map(lambda sha256: self._copy(sha256, folder / sha256), hashes)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _copy(self, sha256: str, target: Path) -> Path:
        if not target.exists():
            write_once(target, self.read(sha256))
        return target


def _remove(place: Path, before: datetime) -> bool:
    aside = place.with_name(f"{TEMPORARY_PREFIX}{place.name}")
    try:
        place.rename(aside)  # from here on, who stores the image writes it again
    except FileNotFoundError:
        return False
    if aside.stat().st_mtime >= before.timestamp():
        aside.rename(place)
        return False
    aside.unlink()
    return True


def write_once(target: Path, data: bytes) -> None:
    """Write a file that appears whole or not at all; one that is there stays."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=TEMPORARY_PREFIX)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextmanager
def staging(parent: Path) -> Iterator[Path]:
    """Give a new folder in `parent` to fill and then rename; what is still there at the end is removed."""
    parent.mkdir(parents=True, exist_ok=True)
    folder, lock = _own_folder(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def clear_staging(parent: Path) -> None:
    """Remove the folders in `parent` that a process was filling when it died."""
    for folder in parent.glob(f"{TEMPORARY_PREFIX}*"):
        lock = _lock(folder)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def clear_files(folder: Path, before: float) -> None:
    """Remove what was left half-written in `folder` and below before the timestamp; put back what was on its way out.

    `Files.remove` moves an image aside before it decides, and may have died in between.
    """
    for path in folder.rglob(f"{TEMPORARY_PREFIX}*"):
        with suppress(FileNotFoundError):  # its owner was faster
            place = path.with_name(path.name.removeprefix(TEMPORARY_PREFIX))
            if path.stat().st_ctime >= before:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            elif _SHA256.fullmatch(place.name) and not place.exists():
                path.rename(place)
            else:
                path.unlink()


def _own_folder(parent: Path) -> tuple[Path, int]:
    """Make a folder whose lock says that its owner lives; the lock dies with the process."""
    while True:
        folder = Path(tempfile.mkdtemp(dir=parent, prefix=TEMPORARY_PREFIX))
        lock = _lock(folder)
        if lock is not None and folder.exists():
            return folder, lock
        if lock is not None:  # `clear_staging` came in between
            os.close(lock)


def _lock(folder: Path) -> int | None:
    """Lock a folder; None when another process holds it, or it is gone."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
