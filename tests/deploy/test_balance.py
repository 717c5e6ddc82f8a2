"""Connections are spread over the web workers of a real gunicorn."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest
from conftest import free_port

from app.config import CHECKOUT
from benchmarks import connections

WORKERS = 3
WITHIN_SECONDS = 30


class Web:
    """A running gunicorn, and connections to it that stay open."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, lines: ExitStack) -> None:
        self._master = psutil.Process(process.pid)
        self._port = port
        self._lines = lines

    def workers(self) -> list[psutil.Process]:
        children: list[psutil.Process] = self._master.children()
        return children

    def held(self) -> dict[int, int]:
        """How many connections each worker holds, by its process id."""
        return {worker.pid: len(self._of(worker)) for worker in self.workers()}

    def connect(self, times: int) -> None:
        """Open connections, each after the answer on the one before."""
        for _ in range(times):
            line = self._lines.enter_context(socket.create_connection(("127.0.0.1", self._port), timeout=30))
            line.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            assert line.recv(65_536).startswith(b"HTTP/1.1 200 ")

    def _of(self, worker: psutil.Process) -> list[object]:
        found = worker.net_connections("tcp")
        return [each for each in found if each.status == psutil.CONN_ESTABLISHED and each.laddr.port == self._port]


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    port = free_port()
    own = {"DATA_DIR": str(tmp_path), "PORT": str(port), "WEB_CONCURRENCY": str(WORKERS)}
    argv = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "--keep-alive", "600", "wsgi:app"]
    process = subprocess.Popen(argv, cwd=CHECKOUT, env=os.environ | own | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)})
    try:
        with ExitStack() as lines:
            yield Web(process, port, lines)
    finally:
        process.terminate()
        process.wait(30)


def _fill(web: Web) -> dict[int, int]:
    """Connect until every worker holds a connection, as none does before it is ready; return how many each holds."""
    end = time.monotonic() + WITHIN_SECONDS
    while len(web.held()) < WORKERS or not all(web.held().values()):
        assert time.monotonic() < end, "the workers did not become ready"
        time.sleep(0.1)
        with suppress(ConnectionRefusedError):  # gunicorn does not listen yet
            web.connect(1)
    return web.held()


def test_each_worker_gets_its_share_and_a_new_one_catches_up(web: Web) -> None:
    before = _fill(web)
    web.connect(8 * WORKERS)
    held = web.held()
    assert sum(held.values()) == sum(before.values()) + 8 * WORKERS
    assert min(held.values()) > 4
    killed = web.workers()[0]
    killed.kill()
    killed.wait(WITHIN_SECONDS)
    (new,) = set(_fill(web)) - set(held)
    web.connect(8)
    assert web.held()[new] > 4


def test_the_benchmark_counts_connections_of_each_way(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks.connections", "--rounds", "2"])
    connections.main()
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    assert [row[0] for row in rows] == [f"| {way}" for way in connections.WAYS]
    assert all(
        connections.CONNECTIONS / connections.WORKERS <= float(row[1]) <= connections.CONNECTIONS for row in rows
    )
