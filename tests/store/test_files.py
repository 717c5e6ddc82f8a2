from __future__ import annotations

import hashlib
import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import NotFound
from app.runners import run_here
from app.store.files import LocalFiles
from app.store.staging import staging


def write_half(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"half")
    raise OSError("The disk is full.")


def stored(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_bytes_are_kept_by_their_content_and_once(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path, run_here)
    first, again, other = files.put(b"eye"), files.put(b"eye"), files.put(b"other eye")
    assert first == again == hashlib.sha256(b"eye").hexdigest()
    assert files.read(first) == b"eye"
    assert files.read(other) == b"other eye"
    assert len(stored(tmp_path)) == 2


def test_an_image_that_was_cut_short_is_whole_again_once_it_is_put_again(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path, run_here)
    sha256 = files.put(b"eye")
    files.place(sha256).write_bytes(b"ey")
    assert files.put(b"eye") == sha256
    assert files.read(sha256) == b"eye"
    files.place(sha256).write_bytes(b"")
    assert files.put_pieces([b"e", b"ye"]) == sha256 == files.put_pieces([b"eye"])
    assert files.read(sha256) == b"eye"
    assert stored(tmp_path) == [files.place(sha256)]


def test_the_same_bytes_put_at_the_same_moment_are_one_file(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path, run_here)
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(files.put, [b"x" * 100_000] * 32))) == 1
    assert len(stored(tmp_path)) == 1


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            LocalFiles(tmp_path, run_here).put(b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert stored(tmp_path) == []


@given(name=st.one_of(st.text(), st.text("0123456789abcdef", min_size=63, max_size=65)))
def test_what_is_not_stored_is_not_found_and_no_name_leads_elsewhere(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    with pytest.raises(NotFound):
        LocalFiles(tmp_path_factory.getbasetemp(), run_here).read(name)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a" * 64 + "\n", "A" * 64])
def test_a_name_that_is_no_hash_is_not_found(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFound):
        LocalFiles(tmp_path, run_here).place(name)


def test_a_staged_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with staging(tmp_path / "models") as folder:
        (folder / "half").write_text("half")
        folder.rename(tmp_path / "models" / "1")
    with pytest.raises(OSError, match="full"), staging(tmp_path / "models") as folder:
        write_half(folder)
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["1"]
