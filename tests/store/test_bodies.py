from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from app.store.bodies import FOLDER, LINKED, Bodies


def bundle(root: Path, name: str, weights: bytes = b"weights") -> Path:
    folder = root / "eyes" / name
    folder.mkdir(parents=True)
    (folder / "body.data").write_bytes(weights)
    (folder / "head.onnx").write_bytes(b"head")
    return folder


def inode(folder: Path) -> int:
    return (folder / "body.data").stat().st_ino


def test_bundles_with_the_same_body_share_its_file_and_nothing_else(tmp_path: Path) -> None:
    first, second, other = bundle(tmp_path, "1"), bundle(tmp_path, "2"), bundle(tmp_path, "3", b"others")
    for each in (first, second, other, second):
        Bodies(tmp_path).share(each)
    assert inode(first) == inode(second) != inode(other)
    assert (first / "head.onnx").stat().st_nlink == 1
    assert (other / "body.data").read_bytes() == b"others"
    assert len(list((tmp_path / FOLDER).iterdir())) == 2


def test_a_body_goes_with_the_last_bundle_that_uses_it(tmp_path: Path) -> None:
    bodies, folders = Bodies(tmp_path), [bundle(tmp_path, name) for name in ("1", "2")]
    for each in folders:
        bodies.share(each)
    for each, left in zip(folders, (1, 0), strict=True):
        (each / "body.data").unlink()
        bodies.clear()
        assert len(list((tmp_path / FOLDER).iterdir())) == left


def test_a_link_of_a_killed_process_keeps_no_body(tmp_path: Path) -> None:
    folder = bundle(tmp_path, "1")
    Bodies(tmp_path).share(folder)
    left = tmp_path / FOLDER / ".new-killed"
    left.hardlink_to(folder / "body.data")
    (folder / "body.data").unlink()
    now = time.time()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: now + LINKED + 1)
        Bodies(tmp_path).clear()
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_a_damaged_body_does_not_spread(tmp_path: Path) -> None:
    first, second, third = (bundle(tmp_path, name) for name in "123")
    Bodies(tmp_path).share(first)
    (first / "body.data").write_bytes(b"rotten!")
    for each in (second, third):
        Bodies(tmp_path).share(each)
    assert inode(second) == inode(third) != inode(first)
    assert (third / "body.data").read_bytes() == b"weights"


def test_without_hard_links_each_bundle_has_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    first, second = bundle(tmp_path, "1"), bundle(tmp_path, "2")
    for each in (first, second):
        Bodies(tmp_path).share(each)
        assert (each / "body.data").read_bytes() == b"weights"
    assert inode(first) != inode(second)
    Bodies(tmp_path).clear()
