"""Reads uploads and folders: single files and the entries of zip archives, within limits, before anything is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, Final

from app.errors import InvalidInput, TooLarge, Unavailable
from app.services.datasets.zips import MAX_ENTRIES, open_archive
from app.store.remote import Place
from app.training.data.datasets import list_files

MAX_FILES: Final = 10_000
MAX_UNPACKED_BYTES: Final = 8_000_000_000
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


@dataclass(frozen=True)
class Member:
    """A file that has not been read yet."""

    path: str
    claimed_bytes: int
    open: Callable[[], AbstractContextManager[IO[bytes]]]

    def read(self, max_bytes: int) -> Entry:
        """Read it; one that is damaged, empty or too large comes without data."""
        try:
            with self.open() as stream:
                # One byte more than allowed is read, never what a header claims: a zip bomb ends here.
                data = stream.read(max_bytes + 1)
        except Unavailable:
            raise
        except Exception:  # noqa: BLE001 - a damaged entry makes zipfile raise nearly anything; the others may be whole
            return Entry(self.path, None, "damaged in the archive")
        if len(data) > max_bytes:
            return Entry(self.path, None, f"larger than {max_bytes // 1_000_000} MB")
        return Entry(self.path, data, "") if data else Entry(self.path, None, "empty file")


def nothing_usable(refused: Sequence[tuple[str, str]]) -> InvalidInput:
    """Return the error of a call none of whose files can be used: the first one's name and reason stand for all."""
    (name, reason), more = refused[0], len(refused) - 1
    others = f" ({more} more of the files cannot be used, either)" if more else ""
    return InvalidInput(f"Nothing could be used. {name}: {reason.removesuffix('.')}{others}.")


def entries(uploads: Iterable[Upload], max_bytes: int) -> Iterator[Entry]:
    """Yield every file of the uploads, those inside zip archives too; one that cannot be used comes without data.

    Raises as `members` does, before the first file is read.
    """
    for member in members(uploads):
        yield member.read(max_bytes)


def members(uploads: Iterable[Upload]) -> list[Member]:
    """List every file of the uploads, those inside zip archives too.

    Every archive's table of contents is judged before anything is read, so nothing has to be undone: InvalidInput
    or TooLarge as `open_archive` says; TooLarge, too, when there are more than MAX_FILES files or MAX_UNPACKED_BYTES.
    """
    found: list[Member] = []
    entries_left = MAX_ENTRIES
    for upload in uploads:
        more, count = _members(upload, entries_left)
        found += more
        entries_left -= count
        if len(found) > MAX_FILES:
            raise TooLarge(f"More than {MAX_FILES} files in one call; send them in parts.")
    if sum(member.claimed_bytes for member in found) > MAX_UNPACKED_BYTES:
        raise TooLarge(f"More than {MAX_UNPACKED_BYTES // 10**9} GB when unpacked; send it in parts.")
    return found


def folder_members(folder: Path) -> list[Member]:
    """List every file below a folder, in order; InvalidInput when there is no such folder."""

    def member(name: str) -> Member:
        return Member(name, 0, lambda: (folder / name).open("rb"))

    return [member(name) for name in list_files(folder)]


def source_members(source: str | Path) -> list[Member]:
    """List every file below a folder or an s3:// URL, in order; InvalidInput when there is no such place."""
    if isinstance(source, Path) or not source.startswith("s3://"):
        return folder_members(Path(source))
    place = Place(source)
    if not (names := place.list()):
        raise InvalidInput(f"There is nothing at {source}; give the bucket and the prefix that hold the images.")
    return [Member(name, 0, partial(_stream, place, name)) for name in names]


def _stream(place: Place, name: str) -> BytesIO:
    return BytesIO(place.read(name))


def _members(upload: Upload, entries_left: int) -> tuple[list[Member], int]:
    """Return the files of an upload, and the number of entries in its table of contents, if it is an archive."""
    name = PurePosixPath(upload.filename).name
    if not name.lower().endswith(".zip"):
        return [Member(name, 0, lambda: nullcontext(upload.stream))], 0
    archive, count = open_archive(name, upload.stream, entries_left)
    return [
        Member(info.filename, info.file_size, partial(archive.open, info))
        for info in archive.infolist()
        if not info.filename.endswith("/")  # is_dir() breaks on no name
        and not any(part in IGNORED for part in PurePosixPath(info.filename).parts)
    ], count
