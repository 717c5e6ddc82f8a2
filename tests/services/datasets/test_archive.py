from __future__ import annotations

import io
import struct
import zipfile
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from conftest import Bucket
from hypothesis import given
from hypothesis import strategies as st

from app import paths
from app.errors import InvalidInput, TooLarge
from app.inference.image.decode import SIGNATURE_BYTES
from app.services.datasets import archive, zips
from app.services.datasets.archive import Entry, Upload, entries

LIMIT = 1000
JPEG = b"\xff\xd8\xff" + bytes(100)
SAFE = st.text(st.characters(exclude_characters="/\\:\0", exclude_categories=["Cs"]), min_size=1, max_size=12)
SAFE_PATHS = st.lists(SAFE, min_size=1, max_size=3).map("/".join).filter(lambda path: paths.relative_path(path) == path)


def pack(files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as made:
        for name, data in files.items():
            made.writestr(zipfile.ZipInfo(name), data, compression)
    return buffer.getvalue()


def unpack(data: bytes, name: str = "eyes.zip", *others: Upload) -> list[Entry]:
    return list(entries([*others, Upload(name, io.BytesIO(data))], LIMIT))


@given(st.dictionaries(SAFE_PATHS, st.binary(min_size=1, max_size=50), max_size=6))
def test_what_is_packed_comes_out(files: dict[str, bytes]) -> None:
    ignored = {path for path in files if paths.is_system_file(path)}
    assert {entry.path: entry.data for entry in unpack(pack(files))} == {
        path: data for path, data in files.items() if path not in ignored
    }


def test_files_archives_and_what_cannot_be_used_come_in_order() -> None:
    inner = pack({"glaucoma/1.jpg": b"1", "normal/": b"", "__MACOSX/._1.jpg": b"x", "big.jpg": b"x" * 1001, "e": b""})
    found = list(
        entries([Upload("folder/a.jpg", io.BytesIO(b"a")), Upload("EYES.ZIP", io.BytesIO(inner)),
                 Upload("b.jpg", io.BytesIO(b""))], LIMIT)
    )  # fmt: skip
    assert [(entry.path, entry.data) for entry in found] == [
        ("folder/a.jpg", b"a"), ("glaucoma/1.jpg", b"1"), ("big.jpg", None), ("e", None), ("b.jpg", None),
    ]  # fmt: skip
    assert [entry.reason for entry in found[2:]] == ["larger than 0 MB", "empty file", "empty file"]


CLIMBING = ["../evil.jpg", "a/../../evil.jpg", "/etc/evil.jpg", "..\\evil.jpg", "C:\\evil.jpg", "\\\\host\\evil.jpg"]


@pytest.mark.parametrize("path", CLIMBING)
def test_a_path_that_climbs_out_is_refused_before_anything_is_read(path: str) -> None:
    whole = Upload("whole.jpg", io.BytesIO(b"whole"))
    climbing = Upload("eyes.zip", io.BytesIO(pack({"good.jpg": b"good", path: b"evil"})))
    with pytest.raises(InvalidInput, match="leads out of it; nothing was stored"):
        next(entries([whole, climbing], LIMIT))


@given(climb=st.lists(st.sampled_from(["..", ".", "a", ""]), max_size=4), leaf=SAFE)
def test_no_entry_is_named_outside_its_archive(climb: list[str], leaf: str) -> None:
    path = "/".join([*climb, leaf])
    try:
        found = unpack(pack({path: b"x"}))
    except InvalidInput:
        assert ".." in path.split("/") or path.startswith("/")
    else:
        assert not any(".." in entry.path.split("/") or entry.path.startswith("/") for entry in found)


@given(data=st.data(), compression=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA]))
def test_a_damaged_archive_is_refused_or_its_whole_files_come_out(data: st.DataObject, compression: int) -> None:
    whole = bytearray(pack({"a.jpg": b"a" * 40, "b.jpg": bytes(range(80))}, compression))
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=4)):
        whole[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    for damaged in (bytes(whole), bytes(whole[:cut])):
        with suppress(InvalidInput):
            assert all(entry.data or entry.reason for entry in unpack(damaged))


def test_one_damaged_entry_spoils_no_other() -> None:
    whole = pack({"a.jpg": b"a" * 40, "b.jpg": b"b" * 40}, zipfile.ZIP_STORED)
    found = unpack(whole.replace(b"a" * 40, b"z" * 40))
    assert [(entry.data, entry.reason) for entry in found] == [(None, "damaged in the archive"), (b"b" * 40, "")]


@pytest.mark.parametrize("data", [b"", b"no archive", b"PK\x05\x06" + b"\0" * 17])
def test_what_is_no_archive_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"eyes\.zip is not a zip archive"):
        unpack(data)


def test_an_encrypted_archive_is_refused() -> None:
    encrypted = bytearray(pack({"a.jpg": b"a"}))
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1  # the flag in the table of contents
    with pytest.raises(InvalidInput, match="encrypted"):
        unpack(bytes(encrypted))


def test_a_bomb_is_read_no_further_than_the_limit_and_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = pack({"a.jpg": bytes(50_000_000)})
    assert len(bomb) < 100_000
    assert [entry.reason for entry in unpack(bomb)] == ["larger than 0 MB"]
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 40_000_000)
    with pytest.raises(TooLarge, match="when unpacked"):
        unpack(bomb)


def test_too_many_files_are_refused() -> None:
    with pytest.raises(TooLarge, match="More than 10000 files"):
        unpack(pack({f"{number}.jpg": b"x" for number in range(archive.MAX_FILES + 1)}))


ZIP64_END, END = b"PK\x06\x06", b"PK\x05\x06"


def claiming(entries: int, zip64: bool) -> bytes:
    """Return an archive of one file whose end record claims more."""
    whole = bytearray(pack({"a.jpg": b"a"}))
    end = whole.index(END)
    size, start = struct.unpack_from("<LL", whole, end + 12)
    if zip64:
        record = struct.pack("<4sQHHLLQQQQ", ZIP64_END, 44, 45, 45, 0, 0, entries, entries, size, start)
        locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
        return bytes(whole[:end]) + record + locator + struct.pack("<4s4HLLH", END, 0, 0, *[0xFFFF] * 2, size, start, 0)
    struct.pack_into("<HH", whole, end + 8, entries, entries)
    return bytes(whole)


@pytest.mark.parametrize("zip64", [False, True])
def test_what_an_archive_claims_is_judged_before_it_is_read(zip64: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [entry.data for entry in unpack(claiming(1, zip64))] == [b"a"]
    too_many = claiming(20_001, zip64)
    monkeypatch.setattr(zipfile, "ZipFile", None)  # whoever would read it now fails otherwise
    with pytest.raises(TooLarge, match="more than 20000 entries"):
        unpack(too_many)


def test_entries_beyond_those_an_archive_claims_count_too() -> None:
    whole = bytearray(pack({f"{number}/": b"" for number in range(zips.MAX_ENTRIES + 1)}))
    struct.pack_into("<HH", whole, whole.rindex(END) + 8, 1, 1)
    with pytest.raises(TooLarge, match="more than 20000 entries"):
        unpack(bytes(whole))


def test_the_entries_of_all_archives_count_together() -> None:
    half = pack({f"{number}/": b"" for number in range(zips.MAX_ENTRIES // 2 + 1)})
    with pytest.raises(TooLarge, match="more than 9999 entries"):
        unpack(half, "second.zip", Upload("first.zip", io.BytesIO(half)))


@given(st.integers(1, 40), st.integers(1, 1200))
def test_long_and_deep_paths_are_refused(depth: int, name: int) -> None:
    path = "a/" * depth + "b" * name
    if depth > paths.MAX_DEPTH or len(path) > paths.MAX_PATH:
        with pytest.raises(InvalidInput, match="more than 1000 characters or 32 folders"):
            unpack(pack({path: b"x"}))
    else:
        assert [entry.path for entry in unpack(pack({path: b"x"}))] == [path]


@pytest.mark.parametrize(("method", "name"), [(zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "lzma")])
def test_only_the_usual_methods_are_unpacked(method: int, name: str) -> None:
    with pytest.raises(InvalidInput, match=f"packed with {name}; make it again with deflate"):
        unpack(pack({"a.jpg": bytes(1000)}, method))


def test_what_unpacks_to_too_many_times_its_size_is_refused() -> None:
    with pytest.raises(TooLarge, match="times its size when unpacked, and at most 200 times"):
        unpack(pack({f"{number}.jpg": bytes(14_000_000) for number in range(5)}))


def test_an_entry_without_a_name_is_no_reason_to_break() -> None:
    nameless = pack({"xyz": b"image", "cat.jpg": b"whole"}).replace(b"xyz", b"\0yz")  # a name ends at its first zero
    assert [entry.data for entry in unpack(nameless) if entry.path == "cat.jpg"] == [b"whole"]


class Counting(io.BytesIO):
    """Counts the bytes that are read."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.taken += len(data)
        return data


@pytest.mark.parametrize(
    ("data", "reason", "read"),
    [
        (JPEG + bytes(LIMIT), "larger than 0 MB", 0),
        (b"text, whatever its name says" * 30, "This is not an image", SIGNATURE_BYTES),
        (b"", "empty file", 0),
        (JPEG, None, len(JPEG)),
    ],
)
def test_what_its_size_or_its_first_bytes_refuse_is_read_no_further(data: bytes, reason: str | None, read: int) -> None:
    stream = Counting(data)
    (member,) = archive.members([Upload("a.jpg", stream)]).members
    entry = member.read_image(LIMIT)
    assert (entry.data is None, stream.taken) == (reason is not None, read)
    assert entry.reason.startswith(reason or "")


def test_an_entry_that_claims_too_much_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    (member,) = archive.members([Upload("eyes.zip", io.BytesIO(pack({"a.jpg": bytes(2 * LIMIT)})))]).members
    monkeypatch.setattr(zipfile.ZipFile, "open", None)  # whoever would read it now fails otherwise
    assert member.read_image(LIMIT).reason == "larger than 0 MB"


def test_the_files_of_a_folder_and_of_a_bucket_are_refused_by_their_size_too(tmp_path: Path, bucket: Bucket) -> None:
    (tmp_path / "p1").mkdir()
    (tmp_path / "p1" / "left.jpg").write_bytes(bytes(2 * LIMIT))
    (tmp_path / "p1" / "Thumbs.db").write_bytes(b"system")
    httpx.put(f"{bucket.address}/p1/left.jpg", content=bytes(2 * LIMIT)).raise_for_status()
    httpx.put(f"{bucket.address}/p1/desktop.ini", content=b"system").raise_for_status()
    for source in (tmp_path, bucket.url):
        found = archive.source_members(source)
        assert [(each.path, each.claimed_bytes) for each in found.members] == [("p1/left.jpg", 2 * LIMIT)]
        assert found.ignored == 1
