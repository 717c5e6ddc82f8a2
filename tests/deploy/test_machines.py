"""Four machines on one: two web servers, a batch worker and a training worker, each with a data folder of its own.

They share a Redis, a PostgreSQL and a bucket, all real, and nothing else.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import pytest
from conftest import Bucket, free_port, redis_server
from postgres_server import Server

from app.config import CHECKOUT
from app.drawing import draw
from app.supervisor import commands

NAME = "cat_dog"
PATIENCE = 400  # seconds, on a busy machine
Json = dict[str, Any]


def pets(count: int, first_seed: int) -> bytes:
    """Return a zip of so many cats and dogs."""
    archive = BytesIO()
    with ZipFile(archive, "w") as file:
        for seed in range(first_seed, first_seed + count):
            for kind in ("cat", "dog"):
                file.writestr(f"{kind}.{seed}.jpg", draw(f"{kind}_face", seed, 64).jpeg())
    return archive.getvalue()


@dataclass(frozen=True)
class Machine:
    """A data folder and what its processes need to know."""

    data_dir: Path
    env: dict[str, str]

    @contextmanager
    def runs(self, *argv: str) -> Iterator[None]:
        """Run a program on this machine for as long as the block takes."""
        with (self.data_dir.parent / f"{self.data_dir.name}.log").open("ab") as log:
            # In a session of its own: a worker lowers the priority of its whole session.
            process = subprocess.Popen(argv, cwd=CHECKOUT, env=self.env, stdout=log, stderr=log, start_new_session=True)
            try:
                yield
            finally:
                process.terminate()
                process.wait(PATIENCE)

    def files(self) -> set[str]:
        """Return what kinds of files lie below the data folder."""
        found = (path.relative_to(self.data_dir) for path in self.data_dir.rglob("*") if path.is_file())
        return {str(Path(*path.parts[:2])) for path in found}


@dataclass(frozen=True)
class Site:
    """The machines at work."""

    web: tuple[httpx.Client, httpx.Client]
    machines: dict[str, Machine]


def worker(queues: str, *options: str) -> tuple[str, ...]:
    celery = (sys.executable, "-m", "celery", "--quiet", "-A", "worker.celery_app", "worker")
    return (*celery, "-Q", queues, "-n", f"{queues}@%h", "--without-gossip", "--without-mingle", *options)


@pytest.fixture
def site(tmp_path: Path, bucket: Bucket, postgres: Server) -> Iterator[Site]:
    """Start the machines; the first start on one of them prepares what they share."""
    ports = {"web-1": free_port(), "web-2": free_port()}
    with ExitStack() as running:
        shared = bucket.env | {
            "REDIS_URL": running.enter_context(redis_server(tmp_path)),
            "DATABASE_URL": postgres.create_database(), "STORAGE_URL": bucket.url, "SECRET_KEY": "the same",
            "WEB_CONCURRENCY": "1", "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "2",
        }  # fmt: skip
        machines = {
            name: Machine(tmp_path / name, os.environ | shared | {
                "DATA_DIR": str(tmp_path / name), "PORT": str(ports.get(name, 8000)),
            })
            for name in ("web-1", "web-2", "batch", "training")
        }  # fmt: skip
        init = [sys.executable, "-m", "flask", "--app", "wsgi", "init"]
        subprocess.run(init, cwd=CHECKOUT, env=machines["web-1"].env, check=True)
        for name in ports:
            running.enter_context(machines[name].runs(*commands.web().argv))
        running.enter_context(machines["batch"].runs(*worker("batch", "-P", "prefork", "-c", "1")))
        alone = ("-P", "prefork", "-c", "1", "--max-tasks-per-child", "1")
        running.enter_context(machines["training"].runs(*worker("training", *alone)))
        first, second = (
            running.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60))
            for port in ports.values()
        )
        for client in (first, second):
            until(partial(is_ready, client), machines)
        yield Site((first, second), machines)


def is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def until(condition: Callable[[], Any], machines: dict[str, Machine]) -> Any:  # noqa: ANN401 - what the condition gives
    """Wait for something true and return it; fail with the machines' logs."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.2)
    logs = [path.read_text() for machine in machines.values() for path in machine.data_dir.parent.glob("*.log")]
    return pytest.fail("It did not come so far:\n" + "\n".join(logs))


def finish(site: Site, accepted: httpx.Response) -> Json:
    """Wait for a job's end, asking the second web server; return the job."""
    assert accepted.status_code == httpx.codes.ACCEPTED, accepted.text

    def ended() -> Json | None:
        job: Json = site.web[1].get(accepted.headers["Location"]).json()
        return None if job["status"] in ("queued", "running") else job

    job: Json = until(ended, site.machines)
    assert job["status"] == "succeeded", job
    return job


def predict(client: httpx.Client) -> Json:
    answer = client.post(f"/api/predict?classifier={NAME}", content=draw("cat_face", 7, 128).jpeg())
    assert answer.status_code == httpx.codes.OK, answer.text
    body: Json = answer.json()
    return body


@pytest.mark.timeout(1200)
def test_machines_share_nothing_but_redis_database_and_bucket(site: Site) -> None:
    here, there = site.web
    assert {predict(client)["model_version"] for client in site.web} == {1}

    # Uploaded here, counted there, trained on a third machine.
    sent = here.post("/api/upload", files={"files": ("pets.zip", pets(40, 0))}, data={"classifier": NAME})
    assert (sent.status_code, sent.json()["accepted"]) == (201, 80)
    assert there.get(f"/api/datasets/{NAME}").json()["images"] == 80
    job = finish(site, there.post("/api/retrain", json={"classifier": NAME, "epochs": 1, "promote": "never"}))
    assert job["result"]["model_version"] == 2

    # Promoted there, served here; a fourth machine answers in bulk with the new version.
    assert there.post(f"/api/models/{NAME}/2/promote").status_code == httpx.codes.OK
    until(lambda: predict(here)["model_version"] == 2, site.machines)
    files = {"files": ("pets.zip", pets(5, 1000))}
    job = finish(site, here.post("/api/bulk-predict", files=files, data={"classifier": NAME}))
    rows = there.get(job["result"]["results_url"]).json()
    assert [(row["error"], row["model_version"]) for row in rows] == [(None, 2)] * 10

    # What one answered, the other shows.
    asked = predict(here)
    picture = there.get(f"/api/predictions/{asked['id']}/image")
    assert (picture.status_code, picture.headers["Content-Type"]) == (200, "image/jpeg")

    # No image stays on a machine, and each bundle is where it was needed.
    versions = {name: {path.parent.name for path in machine.data_dir.glob(f"models/{NAME}/*/card.json")}
                for name, machine in site.machines.items()}  # fmt: skip
    assert versions == {"web-1": {"1", "2"}, "web-2": {"1", "2"}, "batch": {"2"}, "training": {"1", "2"}}
    for machine in site.machines.values():
        assert not machine.files() & {"uploads/images", "instance/runs", "instance/fovea.db"}
