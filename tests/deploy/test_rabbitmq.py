"""RabbitMQ, where it is installed, carries the queues in Redis' place; Redis keeps the workers' signs of life."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import free_port, running

from app.drawing import draw
from app.services.jobs.queues import QUEUES

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # the one on PATH changes the user
PATIENCE = 300  # seconds for anything, on a busy machine
CAT = draw("cat_face", 1, 64).jpeg()
NAME = {"classifier": "cat_dog"}


class Rabbit:
    """A RabbitMQ of its own: its folder, its ports, its register of names."""

    def __init__(self, folder: Path) -> None:
        self._port, self._names = free_port(), free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self._port}//"
        plugins = folder / "plugins"
        plugins.write_text("[].")
        self._env = os.environ | {
            "HOME": str(folder), "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"), "RABBITMQ_LOGS": "-",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins), "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_NODENAME": "fovea@localhost", "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self._port), "RABBITMQ_DIST_PORT": str(free_port()),
            "ERL_EPMD_PORT": str(self._names), "ERL_EPMD_ADDRESS": "127.0.0.1",
        }  # fmt: skip

    @contextmanager
    def names(self) -> Iterator[None]:
        """Run what tells Erlang's programs of each other; else the server starts one that stays."""
        with subprocess.Popen(["epmd"], env=self._env) as process:
            yield
            process.kill()

    @contextmanager
    def runs(self) -> Iterator[None]:
        """Run the server as long as the block."""
        with subprocess.Popen([SERVER], env=self._env, stdout=subprocess.DEVNULL, stdin=subprocess.PIPE) as process:
            try:
                yield
            finally:
                process.terminate()


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)


@pytest.mark.timeout(1200)
def test_rabbitmq_carries_the_jobs_and_they_wait_while_it_is_away(tmp_path: Path) -> None:
    if not SERVER.exists() or shutil.which("epmd") is None:
        pytest.skip("No RabbitMQ is installed here.")
    rabbit, data_dir = Rabbit(tmp_path), tmp_path / "data"
    data_dir.mkdir()
    with (
        rabbit.names(),
        running(data_dir, BROKER_URL=rabbit.url) as stack,
        httpx.Client(base_url=stack.url, timeout=60) as http,
    ):

        def submit() -> str:
            assert http.post("/api/predict", params=NAME, content=CAT).status_code == 200
            return str(http.post("/api/bulk-predict", files={"files": ("cat.jpg", CAT)}, data=NAME).headers["Location"])

        def queue() -> dict[str, Any]:
            found: dict[str, Any] = http.get("/api/status").json()["queue"]
            return found

        def done(*urls: str) -> bool:
            return {http.get(url).json()["status"] for url in urls} == {"succeeded"}

        early = submit()
        assert queue() == {"available": False, "waiting": {}, "workers": []}
        for _ in range(2):
            with rabbit.runs():
                until(partial(done, early, submit()))
                until(lambda: queue()["waiting"] == dict.fromkeys(QUEUES, 0))
                until(lambda: {worker["queue"] for worker in queue()["workers"]} == set(QUEUES))
            early = submit()
            assert http.get(early).json()["status"] == "queued"
