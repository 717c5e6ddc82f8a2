from __future__ import annotations

import io
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidInput, TooLarge
from app.services.datasets import archive
from app.services.datasets.archive import Entry, Upload, entries

LIMIT = 1000
SAFE = st.text(st.characters(exclude_characters="/\\:\0", exclude_categories=["Cs"]), min_size=1, max_size=12)
SAFE_PATHS = st.lists(SAFE, min_size=1, max_size=3).filter(lambda parts: not {".", ".."} & set(parts)).map("/".join)


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
    ignored = {path for path in files if {*archive.IGNORED} & set(path.split("/"))}
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
        ("a.jpg", b"a"), ("glaucoma/1.jpg", b"1"), ("big.jpg", None), ("e", None), ("b.jpg", None),
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


def test_an_entry_without_a_name_is_no_reason_to_break() -> None:
    nameless = pack({"xyz": b"image", "cat.jpg": b"whole"}).replace(b"xyz", b"\0yz")  # a name ends at its first zero
    assert [entry.data for entry in unpack(nameless) if entry.path == "cat.jpg"] == [b"whole"]
