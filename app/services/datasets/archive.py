"""Reads uploads and folders: single files and the entries of zip archives, within limits, before anything is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from os import SEEK_END
from pathlib import Path
from typing import IO, Final, NamedTuple

from app.errors import FoveaError, InvalidInput, NothingUsable, TooLarge, Unavailable
from app.inference.image.decode import SIGNATURE_BYTES, sniff
from app.paths import is_system_file, natural_key, relative_path
from app.services.datasets.zips import MAX_ENTRIES, open_archive
from app.store.remote import Place
from app.training.data.datasets import list_files

MAX_FILES: Final = 10_000
MAX_UNPACKED_BYTES: Final = 8_000_000_000
ARCHIVE: Final = ".zip"


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
    """A file that has not been read yet: its relative path, and the bytes that it is said to have, 0 if unknown."""

    path: str
    claimed_bytes: int
    open: Callable[[], AbstractContextManager[IO[bytes]]]

    def read(self, max_bytes: int) -> Entry:
        """Read it; one that is damaged, empty or too large comes without data."""
        return self._read(max_bytes, lambda _: None)

    def read_image(self, max_bytes: int) -> Entry:
        """Read it; one whose first bytes are no image's comes without data, too, and is read no further."""
        return self._read(max_bytes, sniff)

    def _read(self, max_bytes: int, check: Callable[[bytes], object]) -> Entry:
        too_large = Entry(self.path, None, f"larger than {max_bytes // 1_000_000} MB")
        if self.claimed_bytes > max_bytes:
            return too_large
        try:
            with self.open() as stream:
                head = stream.read(SIGNATURE_BYTES)
                if not head:
                    return Entry(self.path, None, "empty file")
                check(head)
                # One byte more than allowed is read, never what a header claims: a zip bomb ends here.
                data = head + stream.read(max(0, max_bytes + 1 - len(head)))
        except Unavailable:
            raise
        except FoveaError as error:
            return Entry(self.path, None, str(error))
        except Exception:  # noqa: BLE001 - a damaged entry makes zipfile raise nearly anything; the others may be whole
            return Entry(self.path, None, "damaged in the archive")
        return Entry(self.path, data) if len(data) <= max_bytes else too_large


class Found(NamedTuple):
    """The files of a call, and the number of system files (`is_system_file`) that are not among them."""

    members: Iterable[Member]
    ignored: int = 0

    @classmethod
    def of(cls, members: Iterable[Member]) -> Found:
        """Leave the system files out."""
        everything = list(members)
        kept = [member for member in everything if not is_system_file(member.path)]
        return cls(kept, len(everything) - len(kept))

    def in_natural_order(self) -> Found:
        """Sort the files by path, patient2 before patient10."""
        return Found(sorted(self.members, key=lambda member: natural_key(member.path)), self.ignored)


def nothing_usable(rejected: Sequence[Mapping[str, str]]) -> NothingUsable:
    """Return the error of a call none of whose files can be used: the first `file` and `reason` stand for all."""
    first, more = rejected[0], len(rejected) - 1
    others = f" ({more} more of the files cannot be used, either)" if more else ""
    reason = first["reason"].removesuffix(".")
    return NothingUsable(f"Nothing could be used. {first['file']}: {reason}{others}.", rejected)


def is_archive(name: str) -> bool:
    """Whether a file is read as a zip archive, by its name."""
    return name.lower().endswith(ARCHIVE)


def entries(uploads: Iterable[Upload], max_bytes: int) -> Iterator[Entry]:
    """Yield every file of the uploads, those inside zip archives too; one that cannot be used comes without data.

    Raises as `members` does, before the first file is read.
    """
    for member in members(uploads).members:
        yield member.read(max_bytes)


def members(uploads: Iterable[Upload]) -> Found:
    """List every file of the uploads, those inside zip archives too.

    Every archive's table of contents is judged before anything is read, so nothing has to be undone: InvalidInput
    or TooLarge as `open_archive` says; TooLarge, too, when there are more than MAX_FILES files or MAX_UNPACKED_BYTES.
    """
    found: list[Member] = []
    ignored, entries_left = 0, MAX_ENTRIES
    for upload in uploads:
        listed, count = _members(upload, entries_left)
        kept = Found.of(listed)
        found += kept.members
        ignored += kept.ignored
        entries_left -= count
        if len(found) > MAX_FILES:
            raise TooLarge(f"More than {MAX_FILES} files in one call; send them in parts.")
    if sum(member.claimed_bytes for member in found) > MAX_UNPACKED_BYTES:
        raise TooLarge(f"More than {MAX_UNPACKED_BYTES // 10**9} GB when unpacked; send it in parts.")
    return Found(found, ignored)


def source_members(source: str | Path) -> Found:
    """List every file below a folder or an s3:// URL, in natural order; InvalidInput when there is no such place."""
    if isinstance(source, Path) or not source.startswith("s3://"):
        return _folder_members(Path(source))
    place = Place(source)
    if not (files := place.list()):
        raise InvalidInput(f"There is nothing at {source}; give the bucket and the prefix that hold the images.")
    return Found.of(Member(name, size, partial(_stream, place, name)) for name, size in files).in_natural_order()


def _folder_members(folder: Path) -> Found:
    def member(name: str) -> Member:
        path = folder / name
        return Member(name, path.stat().st_size, lambda: path.open("rb"))

    return Found.of(map(member, list_files(folder))).in_natural_order()


def _stream(place: Place, name: str) -> BytesIO:
    return BytesIO(place.read(name))


def _members(upload: Upload, entries_left: int) -> tuple[list[Member], int]:
    """Return the files of an upload, and the number of entries in its table of contents, if it is an archive."""
    name = relative_path(upload.filename)
    if not is_archive(name):
        size = upload.stream.seek(0, SEEK_END)
        upload.stream.seek(0)
        return [Member(name, size, lambda: nullcontext(upload.stream))], 0
    archive, count = open_archive(name.rpartition("/")[2], upload.stream, entries_left)
    return [
        Member(relative_path(info.filename), info.file_size, partial(archive.open, info))
        for info in archive.infolist()
        if not info.filename.endswith("/")  # is_dir() breaks on no name
    ], count
