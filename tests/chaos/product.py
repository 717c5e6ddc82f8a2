"""A whole product to be broken: its processes, its Redis, and a way to start again whatever has gone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
from conftest import free_port
from redis import Redis, RedisError

from app.config import CHECKOUT, Settings
from app.supervisor.checks import find_redis_server

PATIENCE = 900.0  # seconds for anything, on a machine that is busy with other things
WORKER = ("celery", "worker")


class Product:
    """What `make run` starts, on a Redis of its own that can be stopped, emptied and paused."""

    def __init__(self, data_dir: Path, **settings: str) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        self.data_dir = data_dir
        self._socket = data_dir / "r.sock"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        given = {"DATA_DIR": str(data_dir), "PORT": str(self.port), "WEB_CONCURRENCY": "2", "BATCH_CONCURRENCY": "2",
                 "REDIS_URL": f"unix://{self._socket}"} | settings  # fmt: skip
        self.settings = Settings.from_env(given)
        self.env = os.environ | given
        self.http = httpx.Client(base_url=self.url, timeout=60)
        self.restarts = 0
        self._redis: subprocess.Popen[bytes] | None = None
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._others: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start what does not run, and wait until it answers."""
        self.start_redis()
        if self._supervisor is None or self._supervisor.poll() is not None:
            self.restarts += self._supervisor is not None
            self._supervisor = self._spawn(sys.executable, "-m", "app.supervisor")
        self.until(self._ready, "The product did not become ready.")

    def stop(self) -> None:
        """End everything in order."""
        self.http.close()
        for process in (*self._others, self._supervisor, self._redis):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
                with suppress(subprocess.TimeoutExpired):  # a worker may still be told that its job has ended
                    process.wait(60)
                process.kill()
                process.wait()

    def start_redis(self) -> None:
        """Start Redis, with what it wrote down."""
        if self._redis is None or self._redis.poll() is not None:
            keep = ("--dir", str(self.data_dir), "--appendonly", "yes", "--save", "")
            self._redis = self._spawn(find_redis_server(), "--port", "0", "--unixsocket", str(self._socket), *keep)
            self.until(self._redis_answers, "Redis did not answer.")

    def stop_redis(self, *, forget: bool = False) -> None:
        """Kill Redis; what it wrote down may go with it."""
        assert self._redis is not None
        self._redis.kill()
        self._redis.wait()
        if forget:
            for path in self.data_dir.glob("appendonly*"):  # a file of Redis 6, a folder since
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def pause_redis(self, seconds: float) -> None:
        """Let Redis stand still."""
        assert self._redis is not None
        self._redis.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self._redis.send_signal(signal.SIGCONT)

    def add_training_worker(self) -> None:  # it waits for Redis by itself
        """Start a second worker for trainings, as another machine would."""
        self._others.append(
            self._spawn(
                sys.executable, "-m", *("celery", "--quiet", "-A", "worker.celery_app", "worker", "-Q", "training"),
                *("-n", "training@other", "-P", "prefork", "-c", "1", "--max-tasks-per-child", "1"),
            )
        )  # fmt: skip

    def kill_all(self) -> None:
        """Kill the supervisor; the kernel kills with it whatever it started. Redis goes, too."""
        assert self._supervisor is not None
        self.stop_redis()
        others = len(self._others)
        for process in (self._supervisor, *self._others):
            process.kill()
            process.wait()
        self._others.clear()
        self.until(lambda: not self.processes("-m"), "Something outlived its supervisor.")
        for _ in range(others):
            self.add_training_worker()

    def processes(self, *words: str) -> list[psutil.Process]:
        """Return the processes of this product whose command holds the words, parents before their children."""
        found = []
        for process in psutil.process_iter(["cmdline", "create_time"]):
            with suppress(psutil.Error):
                ours = process.environ().get("DATA_DIR") == str(self.data_dir)
                if ours and set(words) <= set(process.info["cmdline"] or ()) and process.pid != os.getpid():
                    found.append(process)
        return sorted(found, key=lambda process: process.info["create_time"])

    def children(self, *words: str) -> list[psutil.Process]:
        """Return the children of the process whose command holds the words: those that do its work."""
        parents = {process.pid for process in self.processes(*words)}
        return [process for process in self.processes() if _parent(process) in parents]

    def ask(self, method: str, path: str, **what: Any) -> httpx.Response:  # noqa: ANN401 - as httpx has them
        """Send a request until it is answered, as a patient client does; what broke is started again meanwhile."""
        end = time.monotonic() + PATIENCE
        while True:
            with suppress(httpx.TransportError):
                answer = self.http.request(method, path, **what)
                if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                    return answer
            assert time.monotonic() < end, f"{method} {path} was never answered."
            time.sleep(0.3)
            self.start()

    def until(self, condition: Callable[[], bool], failure: str) -> None:
        """Wait for a condition."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, f"{failure}\n{self._log.read_text(errors='replace')[-3000:]}"
            time.sleep(0.1)

    @property
    def _log(self) -> Path:
        return self.data_dir.parent / f"{self.data_dir.name}.log"

    def _spawn(self, *argv: str) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(argv, cwd=CHECKOUT, env=self.env, stdout=log, stderr=subprocess.STDOUT)

    def _ready(self) -> bool:
        with suppress(httpx.TransportError):
            return self.http.get("/readyz").status_code == httpx.codes.OK
        return False

    def _redis_answers(self) -> bool:
        with suppress(RedisError, OSError), Redis.from_url(self.settings.redis, socket_timeout=1) as client:
            return bool(client.ping())
        return False


def _parent(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        return int(process.ppid())
    return 0
