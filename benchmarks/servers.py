"""The two servers that are compared: how each starts, what it uses, and how it stops."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from app.services.queues import QUEUES

CHECKOUT = Path(__file__).resolve().parent.parent
PEER_PYTHON = CHECKOUT / ".venv-bench" / "bin" / "python"
WORKERS = 2
START_WITHIN = 60.0


@dataclass(frozen=True)
class Server:
    """What is measured: its name, port, command and environment, and a word of its web processes' command lines."""

    name: str
    port: int
    argv: tuple[str, ...]
    env: dict[str, str]
    web_word: str
    path: str


def fovea(folder: Path) -> Server:
    """Return Fovea as `make run` starts it, with the benchmark's model beside its own."""
    port = _free_port()
    env = {"DATA_DIR": str(folder / "data"), "CLASSIFIERS_DIR": str(folder / "classifiers"), "PORT": str(port)}
    argv = (sys.executable, "-m", "app.supervisor")
    path = "/api/predict?classifier=benchmark"
    return Server("Fovea", port, argv, env | {"WEB_CONCURRENCY": str(WORKERS)}, "gunicorn", path)


def peer(folder: Path, threads: int = 0) -> Server:
    """Return the peer with the same model file; 0 threads is ONNX Runtime's default, one for each core."""
    port = _free_port()
    model = folder / "data" / "models" / "benchmark" / "1" / "model.onnx"
    app = "benchmarks.peers.fastapi_pillow:app"
    quiet = ("--log-level", "warning", "--no-access-log")
    argv = (str(PEER_PYTHON), "-m", "uvicorn", app, "--port", str(port), "--workers", str(WORKERS), *quiet)
    return Server(
        "FastAPI + Pillow + ONNX Runtime",
        port,
        argv,
        {"MODEL": str(model), "THREADS": str(threads)},
        "spawn_main",
        "/api/predict",
    )


class Running:
    """A server that answers; `ready_s` is how long that took from its start."""

    def __init__(self, server: Server, process: subprocess.Popen[bytes], ready_s: float) -> None:
        self.server, self.ready_s = server, ready_s
        self._root = psutil.Process(process.pid)

    def web(self) -> list[psutil.Process]:
        """Return the processes that answer requests: the leaves among those of the server's web command."""
        family = self._root.children(recursive=True)
        return [each for each in family if self.server.web_word in " ".join(each.cmdline()) and not each.children()]

    def cpu_s(self) -> float:
        """Return the processor time that the web processes have used."""
        return float(sum(sum(each.cpu_times()[:2]) for each in self.web()))

    def memory_mb(self) -> float:
        """Return the resident memory of the largest web process."""
        return float(max(each.memory_info().rss for each in self.web()) / 2**20)

    def maps(self, word: str) -> bool:
        """Tell whether a web process has loaded a library with this word in its path."""
        return any(word in area.path for each in self.web() for area in each.memory_maps())


@contextmanager
def running(server: Server) -> Iterator[Running]:
    """Start a server, wait until it answers, and stop it at the end."""
    begun = time.monotonic()
    process = subprocess.Popen(server.argv, cwd=CHECKOUT, env=os.environ | server.env, stdout=subprocess.DEVNULL)
    try:
        while not _answers(server.port):
            if process.poll() is not None or time.monotonic() - begun > START_WITHIN:
                sys.exit(f"{server.name} did not start; run it by hand to see why: {' '.join(server.argv)}")
            time.sleep(0.05)
        ready_s = time.monotonic() - begun
        while server.name == "Fovea" and not _works(server.port):  # its workers' start takes the cores
            time.sleep(0.2)
        yield Running(server, process, ready_s)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _works(port: int) -> bool:
    """Tell whether every background worker of Fovea has shown life."""
    with urlopen(f"http://127.0.0.1:{port}/api/health", timeout=5) as answer:
        return bool(json.load(answer)["workers"] == len(QUEUES))


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
