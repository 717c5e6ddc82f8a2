"""Reads uploads: single files and the entries of zip archives, within limits, before anything is stored."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Final

from app.errors import InvalidInput, TooLarge

MAX_FILES: Final = 10_000
IGNORED: Final = ("__MACOSX", ".DS_Store", "Thumbs.db")


@dataclass(frozen=True)
class Upload:
    """A file as it was sent: its name, which may hold folders, and an open binary stream."""

    filename: str
    stream: IO[bytes]


@dataclass(frozen=True)
class Entry:
    """One file to look at: its path, and its bytes, or None with the `reason` why it cannot be used."""

    path: str
    data: bytes | None
    reason: str = ""


def entries(uploads: Iterable[Upload], max_bytes: int) -> Iterator[Entry]:
    """Yield every file of the uploads, those inside zip archives too; a file over `max_bytes` comes without data.

    InvalidInput when an archive is damaged, encrypted or holds a path that climbs out; TooLarge when the uploads
    hold more than MAX_FILES files.
    """
    count = 0
    for upload in uploads:
        for entry in _unpack(upload, max_bytes):
            count += 1
            if count > MAX_FILES:
                raise TooLarge(f"More than {MAX_FILES} files in one call; send them in parts.")
            yield entry


def _unpack(upload: Upload, max_bytes: int) -> Iterator[Entry]:
    if upload.filename.lower().endswith(".zip"):
        yield from _zip_entries(upload, max_bytes)
    else:
        yield _read(PurePosixPath(upload.filename).name, upload.stream, max_bytes)


def _zip_entries(upload: Upload, max_bytes: int) -> Iterator[Entry]:
    name = PurePosixPath(upload.filename).name
    try:
        with zipfile.ZipFile(upload.stream) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            for info in infos:  # the whole table of contents is judged before a single file is read
                _check_entry(name, info)
            for info in infos:
                if not any(part in IGNORED for part in PurePosixPath(info.filename).parts):
                    with archive.open(info) as stream:
                        yield _read(info.filename, stream, max_bytes)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError) as error:
        raise InvalidInput(f"{name} is not a zip archive that can be read ({error}); make it again.") from error


def _check_entry(archive: str, info: zipfile.ZipInfo) -> None:
    path = PurePosixPath(info.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        raise InvalidInput(f"{archive} holds the path {info.filename!r}, which leads out of it; nothing was stored.")
    if info.flag_bits & 1:
        raise InvalidInput(f"{archive} is encrypted; send it without a password.")


def _read(path: str, stream: IO[bytes], max_bytes: int) -> Entry:
    # One byte more than allowed is read, never what a header claims: a zip bomb ends here.
    data = stream.read(max_bytes + 1)
    if len(data) > max_bytes:
        return Entry(path, None, f"larger than {max_bytes // 1_000_000} MB")
    return Entry(path, data, "") if data else Entry(path, None, "empty file")
