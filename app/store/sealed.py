"""Archives whose every member has a checksum, so that damage is found before anything is believed."""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Final

import orjson

from app.errors import Conflict, InvalidInput
from app.store.staging import TEMPORARY_PREFIX

SEAL: Final = "checksums.json"
SEAL_BYTES: Final = 2_000_000_000  # of ten million members
PIECE: Final = 2**20
Progress = Callable[[str, int, int], None]


class Writer:
    """Adds members to a new archive."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._checksums: dict[str, str] = {}

    def add(self, name: str, pieces: Iterable[bytes], compress: bool = False) -> str:
        """Write a member, piece by piece; return its SHA-256."""
        member = zipfile.ZipInfo(name)
        member.compress_type = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
        digest = hashlib.sha256()
        with self._archive.open(member, "w", force_zip64=True) as file:
            for piece in pieces:
                digest.update(piece)
                file.write(piece)
        self._checksums[name] = digest.hexdigest()
        return self._checksums[name]

    def seal(self) -> None:
        """Write down the checksums; no member may follow."""
        self._archive.writestr(SEAL, orjson.dumps(self._checksums))


@contextmanager
def create(target: Path) -> Iterator[Writer]:
    """Write a new archive that appears whole or not at all, readable for its owner alone."""
    if target.exists():
        raise Conflict(f"There is a file {target} already; name another one.")
    temporary = target.with_name(f"{TEMPORARY_PREFIX}{target.name}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w") as archive:
            writer = Writer(archive)
            yield writer
            writer.seal()
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def opened(source: Path, progress: Progress) -> Iterator[zipfile.ZipFile]:
    """Give an archive to read after all of it was checked; InvalidInput when a byte is not as it was written."""
    with ExitStack() as stack:
        try:
            archive = stack.enter_context(zipfile.ZipFile(source))
            _check(archive, progress)
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
            raise InvalidInput(f"{source} is no whole backup ({error}); take another one.") from error
        yield archive


def pieces(file: IO[bytes]) -> Iterator[bytes]:
    """Yield what is left of a file, piece by piece."""
    while piece := file.read(PIECE):
        yield piece


def checksums(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return the SHA-256 of every member."""
    if archive.getinfo(SEAL).file_size > SEAL_BYTES:
        raise ValueError("its checksums are too long")
    found: dict[str, str] = orjson.loads(archive.read(SEAL))
    return found


def _check(archive: zipfile.ZipFile, progress: Progress) -> None:
    written = checksums(archive)
    names = archive.namelist()
    if sorted(names) != sorted([*written, SEAL]):
        raise ValueError("its members are not those that were written")
    for done, (name, sha256) in enumerate(written.items(), start=1):
        digest = hashlib.sha256()
        with archive.open(name) as file:
            for piece in pieces(file):
                digest.update(piece)
        if digest.hexdigest() != sha256:
            raise ValueError(f"{name} is damaged")
        progress("checking", done, len(written))
