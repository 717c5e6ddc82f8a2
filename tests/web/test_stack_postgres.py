"""The path that matters on PostgreSQL: gunicorn's gevent workers, Celery's processes, and a server that restarts."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import httpx
import psycopg
from conftest import running
from http_checks import CAT, pack
from postgres_server import Server

from app.config import CHECKOUT

NAME = {"classifier": "cat_dog"}
PATIENCE = 120

# One greenlet waits in PostgreSQL for a lock that another holds until it has seen the first one wait.
COOPERATION = """
from gevent import monkey; monkey.patch_all()
import sys, gevent
from sqlalchemy import create_engine, text
engine = create_engine(sys.argv[1])
holder = engine.connect()
holder.execute(text("SELECT pg_advisory_lock(1)"))
def wait():
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(1)"))
waiter = gevent.spawn(wait)
waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
while not holder.execute(waits).scalar():
    gevent.sleep(0.01)
holder.execute(text("SELECT pg_advisory_unlock(1)"))
holder.commit()
waiter.get(timeout=30)
"""


def end_of(http: httpx.Client, url: str) -> dict[str, object]:
    end = time.monotonic() + PATIENCE
    while (job := http.get(url).json())["status"] in ("queued", "running"):
        assert time.monotonic() < end, job
        time.sleep(0.2)
    found: dict[str, object] = job
    return found


def test_a_greenlet_that_waits_for_postgresql_holds_nobody_up(postgres: Server) -> None:
    command = [sys.executable, "-c", COOPERATION, postgres.url("postgres")]
    subprocess.run(command, cwd=CHECKOUT, check=True, timeout=60)


def test_the_product_works_on_postgresql_and_outlives_its_restart(postgres: Server, tmp_path: Path) -> None:
    url = postgres.create_database()
    with running(tmp_path, DATABASE_URL=url) as stack, httpx.Client(base_url=stack.url, timeout=30) as http:
        for _ in range(2):
            assert http.post("/api/predict", params=NAME, content=CAT).status_code == 200
            files = {"files": ("pets.zip", pack({"cat.1.jpg": CAT, "dog.2.jpg": CAT + b"2", "bad.jpg": b"text"}))}
            accepted = http.post("/api/bulk-predict", files=files, data=NAME)
            job = end_of(http, accepted.headers["Location"])
            assert (job["status"], job["result"]["failed"]) == ("succeeded", 1)  # type: ignore[index]
            assert http.post("/api/upload", files=files, data=NAME).status_code == 201
            assert http.get("/api/statistics").json()["predictions"] % 3 == 0
            postgres.stop()
            assert http.get("/readyz").status_code == 503
            assert http.get("/livez").status_code == 200
            postgres.start()
        assert http.get("/api/statistics").json()["predictions"] == 6
        assert http.get("/readyz").status_code == 200
    assert not (tmp_path / "instance" / "fovea.db").exists()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM images").fetchone() == (2,)
