from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import TypeVar

import httpx
import pytest
from conftest import Bucket, free_port

from app.errors import NotFound, Unavailable
from app.runners import run_here
from app.store import remote
from app.store.db import now
from app.store.files import BucketFiles, Files, LocalFiles
from app.store.remote import Place, Remote

T = TypeVar("T")
REFUSAL = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def open_storage(url: str) -> Remote:
    return Remote(url, run_here)


def open_files(root: Path, url: str) -> Files:
    return BucketFiles(root, open_storage(url), run_here)


@contextmanager
def ill_server(answer: bytes | None) -> Iterator[int]:
    """Answer every connection with the same bytes, or never; give the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                held.append(connection)
                if answer is not None:
                    connection.recv(65_536)
                    connection.sendall(answer)
                    connection.close()

        thread = Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in held:
                connection.close()


def test_what_one_machine_stores_another_reads(bucket: Bucket, tmp_path: Path) -> None:
    here, there = (open_files(tmp_path / name, bucket.url) for name in ("here", "there"))
    sha256 = here.put(b"eye")
    assert here.put(b"eye") == sha256 == hashlib.sha256(b"eye").hexdigest()
    assert there.read(sha256) == b"eye"
    assert there.derived(sha256, "backwards", lambda data: data[::-1]) == b"eye"[::-1]
    brought: list[int] = []
    (path,) = there.bring([sha256], tmp_path / "run", brought.append)
    assert (path.read_bytes(), brought) == (b"eye", [1])
    kept = {found.relative_to(tmp_path).parts[:2] for found in tmp_path.rglob("*") if found.is_file()}
    assert kept == {("there", "derived"), ("run", sha256)}
    with pytest.raises(NotFound):
        there.read("0" * 64)


def test_hashing_holds_up_no_request(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running, hashed_here = 0, []

    def elsewhere(work: Callable[[], T]) -> T:
        nonlocal running
        running += 1
        try:
            return work()
        finally:
            running -= 1

    def watched(data: bytes = b"") -> object:
        hashed_here.append(running == 0)
        return plain(data)

    plain = hashlib.sha256
    files = BucketFiles(tmp_path, Remote(bucket.url, elsewhere), elsewhere)
    monkeypatch.setattr(hashlib, "sha256", watched)
    monkeypatch.setattr(hashlib, "file_digest", lambda file, _: watched(file.read()))
    sha256 = files.put(b"eye")
    assert files.put_pieces([b"e", b"ye"]) == sha256
    assert files.read(sha256) == b"eye"
    assert hashed_here == [False] * 3


def test_a_large_file_comes_back_in_pieces_and_whole(bucket: Bucket, tmp_path: Path) -> None:
    storage, large = open_storage(bucket.url), tmp_path / "large"
    large.write_bytes(bytes(range(256)) * 70_000)  # more than two pieces
    sha256 = storage.put_file("models", large)
    storage.fetch("models", sha256, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == large.read_bytes()


def test_what_was_changed_in_the_storage_is_noticed(bucket: Bucket, tmp_path: Path) -> None:
    storage = open_storage(bucket.url)
    sha256 = storage.put("images", b"eye")
    httpx.put(f"{bucket.address}/images/{sha256[:2]}/{sha256}", content=b"lie").raise_for_status()
    with pytest.raises(NotFound, match=f"{sha256} damaged"):
        storage.read("images", sha256)
    with pytest.raises(NotFound, match=f"{sha256} damaged"):
        storage.fetch("images", sha256, tmp_path / "copy")
    with pytest.raises(NotFound, match="damaged"):
        list(open_files(tmp_path, bucket.url).bring([sha256], tmp_path / "run", id))
    assert not (tmp_path / "run").exists()


def test_a_bucket_that_is_missing_is_named_as_the_fault(bucket: Bucket) -> None:
    assert bucket.env
    with pytest.raises(Unavailable, match="no bucket as STORAGE_URL names it"):
        open_storage("s3://there-is-none").put("images", b"eye")


@pytest.mark.parametrize("answer", [REFUSAL, None, b"nonsense\r\n\r\n"], ids=["errors", "silence", "nonsense"])
def test_a_storage_that_is_ill_is_given_up_in_a_sentence(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, answer: bytes | None
) -> None:
    assert bucket.env
    monkeypatch.setitem(remote.CLIENT, "read_timeout", "200ms")
    with ill_server(answer) as port:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        storage = open_storage(bucket.url)
        with pytest.raises(Unavailable, match="does not answer"):
            storage.put("images", b"eye")
        with pytest.raises(Unavailable, match="does not answer"):
            storage.read("images", "0" * 64)


def test_a_storage_that_is_away_is_given_up_in_a_sentence(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(Unavailable, match="does not answer"):
        open_storage(bucket.url).put("images", b"eye")
    with pytest.raises(Unavailable, match="does not answer"):
        Place(bucket.url).list()


@pytest.mark.parametrize("where", ["here", "shared"])
def test_images_are_listed_and_removed_unless_they_are_wanted_anew(bucket: Bucket, tmp_path: Path, where: str) -> None:
    files = open_files(tmp_path, bucket.url) if where == "shared" else LocalFiles(tmp_path, run_here)
    assert list(files.stored()) == []
    eyes = [b"left eye", b"right eye"]
    first, second = sorted(files.put(data) for data in eyes)
    sizes = {hashlib.sha256(data).hexdigest(): len(data) for data in eyes}
    found = list(files.stored())
    assert [(image.sha256, image.size) for image in found] == [(name, sizes[name]) for name in (first, second)]
    assert all(abs(image.at - now()) < timedelta(minutes=1) for image in found)
    files.derived(first, "size", lambda data: str(len(data)).encode())
    assert not files.remove(first, now() - timedelta(hours=1))
    assert files.remove(first, now() + timedelta(hours=1))
    assert not files.remove(first, now() + timedelta(hours=1))
    assert [image.sha256 for image in files.stored()] == [second]
    assert list(tmp_path.glob("derived/*/*/*")) == []
    with pytest.raises(NotFound):
        files.derived(first, "size", bytes)
