"""Opens zip archives that strangers sent: what they claim is judged before any of it is kept in memory."""

from __future__ import annotations

import os
import struct
import zipfile
from pathlib import PurePosixPath
from typing import IO, Final, NamedTuple

from app.errors import FoveaError, InvalidInput, TooLarge
from app.paths import MAX_DEPTH, MAX_PATH

MAX_ENTRIES: Final = 20_000  # of all archives of a call, folders and what macOS adds included
MAX_DIRECTORY_BYTES: Final = 16_000_000
MAX_RATIO: Final = 200  # bytes that come out for each that was sent; of photographs it is about one
FREE_BYTES: Final = 64_000_000  # may come out of an archive whatever the ratio
METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_RARE: Final = {zipfile.ZIP_BZIP2: "bzip2", zipfile.ZIP_LZMA: "lzma"}

_ENTRY: Final = struct.Struct("<28xHHH12x")  # of the table of contents: lengths of the name, extra field and comment
_ENTRY_SIGNATURE: Final = b"PK\x01\x02"
_ZIP64_BYTES: Final = 76  # of the end record and its locator
_COUNT, _SIZE, _LOCATION = 4, 5, 9  # places in what zipfile calls the end record


class _Directory(NamedTuple):
    """A table of contents: the entries it claims to have, where it begins, and its size in bytes."""

    entries: int
    start: int
    size: int


def open_archive(name: str, stream: IO[bytes], most: int = MAX_ENTRIES) -> tuple[zipfile.ZipFile, int]:
    """Open an archive and return it with the number of its entries.

    TooLarge above `most` entries, or when it unpacks to too many times its size; InvalidInput when it is damaged,
    encrypted, packed with a rare method, or holds a path that is too long, too deep or leads out of it.
    """
    try:
        count = _count(name, stream, most)
        archive = zipfile.ZipFile(stream)
    except FoveaError:
        raise
    except Exception as error:  # hostile bytes make zipfile raise nearly anything
        raise InvalidInput(f"{name} is not a zip archive that can be read; make it again.") from error
    for info in archive.infolist():
        _check_entry(name, info)
    _check_ratio(name, archive, stream.seek(0, os.SEEK_END))
    return archive, count


def _count(name: str, stream: IO[bytes], most: int) -> int:
    """Count the entries, without zipfile, which keeps a kilobyte of each."""
    directory = _directory(stream)
    if directory.entries > most:
        raise TooLarge(_too_many(name, most))
    if directory.size > MAX_DIRECTORY_BYTES:
        raise TooLarge(f"The table of contents of {name} is over {MAX_DIRECTORY_BYTES // 10**6} MB; send it in parts.")
    stream.seek(directory.start)
    data, place, count = stream.read(directory.size), 0, 0
    while place < directory.size:  # the number that an archive claims may be wrong
        if not data.startswith(_ENTRY_SIGNATURE, place):
            raise zipfile.BadZipFile
        place += _ENTRY.size + sum(_ENTRY.unpack_from(data, place))
        count += 1
        if count > most:
            raise TooLarge(_too_many(name, most))
    return count


def _directory(stream: IO[bytes]) -> _Directory:
    """Find the table of contents where zipfile would: another reading than its own could be led astray."""
    record = zipfile._EndRecData(stream)  # type: ignore[attr-defined]  # noqa: SLF001 - see above
    if record is None:
        raise zipfile.BadZipFile
    end = record[_LOCATION] - (_ZIP64_BYTES if record[0] == b"PK\x06\x06" else 0)
    if record[_SIZE] > end:
        raise zipfile.BadZipFile
    return _Directory(record[_COUNT], end - record[_SIZE], record[_SIZE])


def _too_many(name: str, most: int) -> str:
    return f"{name} has more than {most} entries, which is the most that a call may have left; send it in parts."


def _check_entry(archive: str, info: zipfile.ZipInfo) -> None:
    path = info.filename.replace("\\", "/")
    if len(path) > MAX_PATH or path.count("/") > MAX_DEPTH:
        raise InvalidInput(
            f"{archive} holds a path of more than {MAX_PATH} characters or {MAX_DEPTH} folders"
            f" ({path[:60]}...); nothing was stored."
        )
    parts = PurePosixPath(path).parts
    if path.startswith("/") or ".." in parts or ":" in "".join(parts[:1]):
        raise InvalidInput(f"{archive} holds the path {info.filename!r}, which leads out of it; nothing was stored.")
    if info.flag_bits & 1:
        raise InvalidInput(f"{archive} is encrypted; send it without a password.")
    if info.compress_type not in METHODS:
        method = _RARE.get(info.compress_type, f"method {info.compress_type}")
        raise InvalidInput(f"{archive} is packed with {method}; make it again with deflate, the usual method of zip.")


def _check_ratio(name: str, archive: zipfile.ZipFile, size: int) -> None:
    unpacked = sum(info.file_size for info in archive.infolist())
    if unpacked > max(FREE_BYTES, MAX_RATIO * size):
        raise TooLarge(
            f"{name} would have {unpacked // size} times its size when unpacked, and at most {MAX_RATIO} times is"
            " taken; send the images as they are."
        )
