"""The only door to stored bytes: images by content, and folders that appear whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.errors import NotFound

_SHA256 = re.compile(r"[0-9a-f]{64}")
TEMPORARY_PREFIX = ".new-"


class Files:
    """Images stored once, by the SHA-256 of their bytes, below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, data: bytes) -> str:
        """Store the bytes and return their SHA-256; storing the same bytes again changes nothing."""
        sha256 = hashlib.sha256(data).hexdigest()
        _write_once(self._place(sha256), data)
        return sha256

    def derived(self, sha256: str, name: str, make: Callable[[bytes], bytes]) -> bytes:
        """Return what `make` gives for the stored bytes; it is kept under `name`, and made once."""
        target = self.root / "derived" / name / self._place(sha256).relative_to(self.root / "images")
        if target.is_file():
            return target.read_bytes()
        made = make(self.read(sha256))
        _write_once(target, made)
        return made

    def path(self, sha256: str) -> Path:
        """Return where the bytes lie; NotFound when they are not stored."""
        target = self._place(sha256)
        if not target.is_file():
            raise NotFound(f"There is no stored image {sha256}.")
        return target

    def read(self, sha256: str) -> bytes:
        """Return the stored bytes; NotFound when there are none."""
        return self.path(sha256).read_bytes()

    def _place(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise NotFound(f"{sha256!r} is not the SHA-256 of a stored image.")
        return self.root / "images" / sha256[:2] / sha256


def _write_once(target: Path, data: bytes) -> None:
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
    folder = Path(tempfile.mkdtemp(dir=parent, prefix=TEMPORARY_PREFIX))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
