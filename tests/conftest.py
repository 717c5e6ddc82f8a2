"""What the tests stand on: applications in this process, and one real stack in processes of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import settings as hypothesis_settings

from app import create_app
from app.config import CHECKOUT, Settings
from app.factory import EXTENSION
from app.services.setup import initialise

START_SECONDS = 60

# A busy machine makes single examples slow by chance.
hypothesis_settings.register_profile("fovea", deadline=None)
hypothesis_settings.load_profile("fovea")


@dataclass(frozen=True)
class Stack:
    """A running product: its address, its data folder and the environment of its processes."""

    url: str
    data_dir: Path
    env: dict[str, str]


def free_port() -> int:
    """Return a port of the loopback interface that nobody uses now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Start what `make run` starts: Redis, gunicorn, the Celery workers and beat, with the demonstration models."""
    data_dir, port = tmp_path_factory.mktemp("stack"), free_port()
    env = os.environ | {"DATA_DIR": str(data_dir), "PORT": str(port), "WEB_CONCURRENCY": "2"}
    log = data_dir / "stack.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.supervisor"], cwd=CHECKOUT, env=env, stdout=output, stderr=subprocess.STDOUT
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(url, process, log)
        yield Stack(url, data_dir, env)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz", timeout=5).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail(f"The stack did not become ready:\n{log.read_text()}")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a fresh data folder. No Redis runs there, so jobs wait in the database."""
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """An initialised web application with the demonstration models, in this process."""
    made = create_app(settings)
    with made.app_context():
        initialise(made.extensions[EXTENSION])
        yield made


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of `app`."""
    return app.test_client()
