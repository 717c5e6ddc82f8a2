"""What the tests stand on: applications in this process, and one real stack in processes of its own."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import settings as hypothesis_settings
from postgres_server import Server, serve

from app import create_app
from app.config import CHECKOUT, Settings
from app.factory import EXTENSION
from app.services.jobs.jobs import Jobs
from app.services.jobs.transitions import ACTIVE
from app.services.setup import initialise
from app.services.wiring import Services
from app.store.db import db
from app.store.tables import Job
from app.supervisor.checks import find_redis_server

pytest_plugins = ("browser",)
START_SECONDS = 60
ON_BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)

# A busy machine makes single examples slow by chance.
hypothesis_settings.register_profile("fovea", deadline=None)
hypothesis_settings.load_profile("fovea")


class Queue:
    """Takes jobs as Redis would, or refuses them as a Redis that is down."""

    def __init__(self) -> None:
        self.up = True
        self.sent: list[str] = []

    def send(self, job: Job) -> bool:
        if self.up:
            self.sent.append(job.id)
        return self.up


@dataclass(frozen=True)
class Stack:
    """A running product: its address, its data folder and the environment of its processes."""

    url: str
    data_dir: Path
    env: dict[str, str]
    key: str = ""


def free_port() -> int:
    """Return a port of the loopback interface that nobody uses now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def running(data_dir: Path, **settings: str) -> Iterator[Stack]:
    """Start what `make run` starts: Redis, gunicorn, the Celery workers and beat, with the demonstration models."""
    port = free_port()
    env = os.environ | {"DATA_DIR": str(data_dir), "PORT": str(port), "WEB_CONCURRENCY": "2"} | settings
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


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """Run a Redis on loopback for as long as the block takes; give its REDIS_URL."""
    port = free_port()
    command = [find_redis_server(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running product."""
    with running(tmp_path_factory.mktemp("stack")) as started:
        yield started


@pytest.fixture(scope="session")
def locked_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running product that asks for keys, and one of them."""
    with running(tmp_path_factory.mktemp("locked"), AUTH="keys", WEB_CONCURRENCY="1") as started:
        made = subprocess.run(
            [sys.executable, "-m", "flask", "keys", "create", "tests"],
            cwd=CHECKOUT, env=started.env, capture_output=True, text=True, check=True,
        )  # fmt: skip
        yield replace(started, key=made.stdout.strip())


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


def work_through(services: Services, job_id: str) -> Job:
    """Do what the workers do with a bulk prediction, until it has ended."""
    while services.jobs.get(job_id).status in ACTIVE:
        services.batch.work(job_id)
    return services.jobs.get(job_id)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server."""
    server = serve()
    if server is None:
        pytest.skip("No PostgreSQL runs here; install the wheel of requirements-dev.txt, or initdb on PATH.")
    try:
        yield server
    finally:
        server.remove()


@dataclass(frozen=True)
class Bucket:
    """An empty bucket of a real S3 server on loopback: its STORAGE_URL, its HTTP address, the settings to reach it."""

    url: str
    address: str
    env: dict[str, str]


@dataclass
class S3Server:
    """A real S3 server on loopback. What it holds outlives a stop, as it does with a server on disks."""

    port: int = 0

    def start(self) -> None:
        """Start it, always at the same address."""
        from moto.server import ThreadedMotoServer  # noqa: PLC0415 - slow to import, and for few tests

        logging.getLogger("werkzeug").setLevel(logging.WARNING)  # not a line for each request
        self._server = ThreadedMotoServer("127.0.0.1", port=self.port, verbose=False)
        self._server.start()
        self.port = self._server.get_host_and_port()[1]

    def stop(self) -> None:
        """Stop it: connections are refused."""
        self._server.stop()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """The S3 server of the tests."""
    server = S3Server()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """An empty bucket, which this process can reach."""
    name = f"bucket-{secrets.token_hex(8)}"
    server = f"http://127.0.0.1:{s3_server.port}"
    env = {"AWS_ENDPOINT_URL": server, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
           "AWS_REGION": "us-east-1"}  # fmt: skip
    for key, value in env.items():
        monkeypatch.setenv(key, value)
    policy = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}]}
    address = f"{server}/{name}"
    httpx.put(address).raise_for_status()
    httpx.put(f"{address}?policy", json=policy).raise_for_status()
    return Bucket(f"s3://{name}/fovea", f"{address}/fovea", env)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """The DATABASE_URL of `settings`: none, which is SQLite; a test marked ON_BOTH also gets one of PostgreSQL."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return ""
    server: Server = request.getfixturevalue("postgres")
    return server.create_database()


@pytest.fixture
def settings(tmp_path: Path, database: str) -> Settings:
    """Settings of a fresh data folder. No Redis runs there, so jobs wait in the database."""
    return Settings(data_dir=tmp_path / "data", database_url=database)


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """An initialised web application with the demonstration models, in this process."""
    made = create_app(settings)
    with made.app_context():
        initialise(made.extensions[EXTENSION])
        yield made
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def services(app: Flask) -> Services:
    """The use cases of the application."""
    found: Services = app.extensions[EXTENSION]
    return found


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of `app`."""
    return app.test_client()


@pytest.fixture
def queue() -> Queue:
    """A queue that is up."""
    return Queue()


@pytest.fixture
def jobs(app: Flask, queue: Queue) -> Jobs:
    """The jobs of `app`, handed to `queue`."""
    assert app
    return Jobs(queue.send)
