"""What protects the memory, the loop and the log of a real web server, and the files of its machine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from conftest import free_port
from http_checks import CAT

from app.config import CHECKOUT
from app.web.overload import HELD_BYTES

START_SECONDS = 60
LARGE = 16_000_000
HELD = 40  # bodies, of which not half fit into HELD_BYTES


@contextmanager
def server(data_dir: Path, **settings: str) -> Iterator[tuple[int, Path]]:
    """Start one web worker; give its port and its log."""
    port, log = free_port(), data_dir / "log"
    own = {"DATA_DIR": str(data_dir), "PORT": str(port), "WEB_CONCURRENCY": "1"} | settings
    subprocess.run([sys.executable, "-m", "flask", "init"], cwd=CHECKOUT, env=os.environ | own, check=True)
    argv = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "wsgi:app"]
    with log.open("wb") as output:
        process = subprocess.Popen(argv, cwd=CHECKOUT, env=os.environ | own, stdout=output)
    try:
        end = time.monotonic() + START_SECONDS
        while not _answers(port):
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.1)
        yield port, log
    finally:
        process.terminate()
        process.wait(30)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").is_success
    except httpx.TransportError:
        return False


def send(port: int, head: str, body: bytes = b"") -> socket.socket:
    line = socket.create_connection(("127.0.0.1", port), timeout=60)
    line.sendall(f"{head}\r\n\r\n".encode() + body)
    return line


def post(path: str, length: int, kind: str = "image/jpeg") -> str:
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\nContent-Type: {kind}"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    with server(tmp_path_factory.mktemp("locked"), AUTH="keys") as started:
        yield started


def test_the_key_is_asked_for_before_the_body_is_read(locked: tuple[int, Path]) -> None:
    for path in ("/api/predict", "/api/upload", "/api/retrain"):
        with send(locked[0], post(path, LARGE)) as line:  # and nothing of the body
            assert line.recv(65_536).startswith(b"HTTP/1.1 401 ")


def test_the_login_reads_no_large_form_and_loses_no_time_with_it(locked: tuple[int, Path]) -> None:
    form = "application/x-www-form-urlencoded"
    with send(locked[0], post("/login", 4000, form), b"a&" * 2000) as line:
        assert line.recv(65_536).startswith(b"HTTP/1.1 413 ")
    answer = httpx.post(
        f"http://127.0.0.1:{locked[0]}/login", content=b"a&" * 8_000_000, headers={"Content-Type": form}
    )
    assert answer.status_code == 413
    assert "limit of 4 kB" in answer.json()["detail"]


def test_an_oversized_body_that_comes_too_slowly_is_told_so(locked: tuple[int, Path]) -> None:
    with send(locked[0], post("/login", LARGE, "application/x-www-form-urlencoded"), b"half") as line:
        assert line.recv(65_536).startswith(b"HTTP/1.1 413 ")


def test_each_request_is_a_line_of_json_without_its_query(locked: tuple[int, Path]) -> None:
    port, log = locked
    url = f"http://127.0.0.1:{port}/api/status?patient=Miller"
    given = httpx.get(url, headers={"X-Request-ID": "trace-7"})
    for _ in range(100):  # the line is written after the answer
        lines = [found for found in map(json.loads, log.read_text().splitlines()) if found["request_id"] == "trace-7"]
        if lines:
            break
        time.sleep(0.1)
    (line,) = lines
    assert line.pop("time").endswith("+00:00")
    assert line.pop("duration_ms") > 0
    assert line == {
        "method": "GET", "path": "/api/status", "status": 401, "bytes": len(given.content), "client": "127.0.0.1",
        "request_id": "trace-7",
    }  # fmt: skip
    assert "Miller" not in log.read_text()


def test_what_is_stored_is_for_its_owner_alone(locked: tuple[int, Path]) -> None:
    folder = locked[1].parent
    for name in ("instance", "uploads"):
        assert (folder / name).stat().st_mode & 0o077 == 0
    files = [path for path in (folder / "instance").rglob("*") if path.is_file()]
    assert {"fovea.db", "fovea.db-wal"} <= {path.name for path in files}
    assert [path for path in files if path.stat().st_mode & 0o077] == []


def test_bodies_take_no_more_memory_than_is_set_apart_for_them(tmp_path: Path) -> None:
    with server(tmp_path, ACCESS_LOG="off") as (port, log), ExitStack() as lines:
        workers = [each for each in psutil.process_iter() if _listens(each, port)]
        before = sum(each.memory_info().rss for each in workers)
        opened = [
            lines.enter_context(send(port, post("/api/predict?classifier=cat_dog", LARGE), bytes(LARGE - 1)))
            for _ in range(HELD)
        ]
        refused = 0
        for line in opened:
            line.settimeout(0.2)
            try:
                refused += line.recv(4096).startswith(b"HTTP/1.1 503 ")
            except TimeoutError:
                continue
        assert refused >= HELD - HELD_BYTES // LARGE
        grown = sum(each.memory_info().rss for each in workers) - before
        assert grown < 2 * HELD_BYTES + 50_000_000
        lines.close()
        url = f"http://127.0.0.1:{port}/api/predict?classifier=cat_dog"
        end = time.monotonic() + 30  # until the server has seen that the others have gone
        while not (answer := httpx.post(url, content=CAT, timeout=60)).is_success and time.monotonic() < end:
            time.sleep(0.2)
        assert answer.is_success
        assert log.read_text() == ""


def _listens(process: psutil.Process, port: int) -> bool:
    try:
        return any(each.laddr and each.laddr.port == port for each in process.net_connections("tcp"))
    except psutil.Error:
        return False
