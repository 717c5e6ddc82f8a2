"""The servers that are compared: how each starts, what it uses, and how it stops."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from app.services.jobs.queues import QUEUES

CHECKOUT = Path(__file__).resolve().parent.parent
PEER_PYTHON = CHECKOUT / ".venv-bench" / "bin" / "python"
WORKERS = 2
START_WITHIN = 120.0
MODEL = Path("data", "models", "benchmark", "1")


class Failed(SystemExit):
    """A server that does not start or does not answer. What is not caught ends the program with its sentence."""


@dataclass(frozen=True)
class Server:
    """What is measured: its name, port, command, environment, and the call that predicts."""

    name: str
    port: int
    argv: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    path: str = "/api/predict"


@contextmanager
def trained(*options: str) -> Iterator[Path]:
    """Give a folder with the model that all serve; `options` are those of `benchmarks.bundle`."""
    with TemporaryDirectory(prefix="fovea-bench-") as name:
        argv = [sys.executable, "-m", "benchmarks.bundle", name, *options]
        subprocess.run(argv, check=True, stderr=subprocess.DEVNULL)
        yield Path(name)


def fovea(folder: Path) -> Server:
    """Return Fovea as `make run` starts it, with the benchmark's model beside its own."""
    return fovea_at(folder / "data", "benchmark", CLASSIFIERS_DIR=str(folder / "classifiers"))


def fovea_at(data: Path, classifier: str = "", *, name: str = "Fovea", **env: str) -> Server:
    """Return Fovea with a DATA_DIR; it computes every answer, also to an image that it has answered before."""
    port = free_port()
    env = {"DATA_DIR": str(data), "PORT": str(port), "WEB_CONCURRENCY": str(WORKERS), "ANSWER_CACHE": "off"} | env
    argv = (sys.executable, "-m", "app.supervisor")
    return Server(name, port, argv, env, f"/api/predict?classifier={classifier}")


def peers(folder: Path, threads: int) -> list[Server]:
    """Return the peers with the same network, each with two processes that predict, FastAPI's also with one.

    `threads` is how many ONNX Runtime takes in each; 0 leaves it the choice, as its users mostly do.
    """
    env = {"MODEL": str(folder / MODEL / "model"), "THREADS": str(threads), "WORKERS": str(WORKERS)}
    return [
        *_fastapi("FastAPI + ONNX Runtime", "fastapi_onnx", env),
        peer("LitServe + ONNX Runtime", env, "-m", "benchmarks.peers.litserve_onnx", "{port}", str(WORKERS)),
        peer(
            "BentoML + ONNX Runtime", env | {"BENTOML_DO_NOT_TRACK": "True"}, "-m", "bentoml", "serve",
            "benchmarks.peers.bentoml_onnx:Classify", "--host", "127.0.0.1", "--port", "{port}",
        ),
        *_fastapi("FastAPI + keras predict", "fastapi_keras", env),
    ]  # fmt: skip


def _fastapi(name: str, module: str, env: dict[str, str]) -> Iterator[Server]:
    """Give the server with one process, as uvicorn starts it unless told otherwise, and with as many as Fovea has."""
    start = ("-m", "uvicorn", f"benchmarks.peers.{module}:app", "--port", "{port}", "--log-level", "warning")
    for workers in (1, WORKERS):
        title = f"{name}, workers: {workers}"
        yield peer(title, env, *start, "--no-access-log", "--workers", str(workers))


def peer(name: str, env: dict[str, str], *argv: str) -> Server:
    """Return a server of the peers' own environment; `{port}` in its arguments is a free one."""
    port = free_port()
    return Server(name, port, (str(PEER_PYTHON), *(part.format(port=port) for part in argv)), env)


class Running:
    """A server that answers; `ready_s` is how long that took from its start."""

    def __init__(self, server: Server, process: subprocess.Popen[bytes], ready_s: float) -> None:
        self.server, self.ready_s = server, ready_s
        self._root = psutil.Process(process.pid)

    def family(self) -> list[psutil.Process]:
        """Return the server's processes, the first before those it started; none when it has ended."""
        try:
            return [self._root, *self._root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def cpu_s(self) -> float:
        """Return the processor time that all of them have used."""
        return float(sum(sum(each.cpu_times()[:2]) for each in self.family()))

    def web_mb(self) -> list[float]:
        """Return the resident memory of each of gunicorn's workers."""
        web = [each for each in self.family() if "gunicorn" in each.cmdline() and not each.children()]
        return [each.memory_info().rss / 2**20 for each in web]


@contextmanager
def running(server: Server) -> Iterator[Running]:
    """Start a server, wait until it answers (Failed if it does not), and stop it and all that it started at the end."""
    begun = time.monotonic()
    process = subprocess.Popen(
        server.argv,
        cwd=CHECKOUT,
        env=os.environ | server.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    live = Running(server, process, 0.0)
    try:
        while not _answers(server.port):
            if process.poll() is not None or time.monotonic() - begun > START_WITHIN:
                raise Failed(f"{server.name} did not start; run it by hand to see why: {' '.join(server.argv)}")
            time.sleep(0.05)
        live.ready_s = time.monotonic() - begun
        while server.name.startswith("Fovea") and not _works(server.port):  # its workers' start takes the cores
            time.sleep(0.2)
        yield live
    finally:
        family = live.family()
        process.terminate()
        psutil.wait_procs(family, timeout=15)
        for left in family:  # LitServe's processes outlive it
            if left.is_running():
                left.kill()
        process.wait()


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _works(port: int) -> bool:
    """Tell whether every background worker of Fovea has shown life."""
    with urlopen(f"http://127.0.0.1:{port}/api/health", timeout=30) as answer:
        return bool(json.load(answer)["workers"] == len(QUEUES))


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
