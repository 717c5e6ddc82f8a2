"""What a container starts with: an empty volume is prepared, by one of several that start at once."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import psycopg
from conftest import ON_BOTH, free_port, redis_server

from app.classifiers import Catalog
from app.config import CHECKOUT, Settings
from app.supervisor import commands
from deploy.start import AWS_SECRET

PATIENCE = 150  # seconds, on a busy machine
MOVES = "SELECT count(*) FROM alias_moves"


def start(data_dir: Path, *command: str, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "deploy.start", *command], cwd=CHECKOUT, text=True, stderr=subprocess.PIPE,
        env=os.environ | {"DATA_DIR": str(data_dir), "WEB_CONCURRENCY": "1"} | env,
    )  # fmt: skip


def moves(settings: Settings) -> int:
    """How often an alias was moved."""
    if settings.database.startswith("postgresql"):
        with psycopg.connect(settings.database) as connection:
            row = connection.execute(MOVES).fetchone()
            return int(row[0]) if row else 0
    with closing(sqlite3.connect(settings.instance_dir / "fovea.db")) as file:
        return int(file.execute(MOVES).fetchone()[0])


@ON_BOTH
def test_of_several_that_start_at_once_each_finds_all_prepared(settings: Settings, database: str) -> None:
    """On one volume; with PostgreSQL also on one of its own, as on another machine."""
    places = [settings.data_dir, settings.data_dir, settings.data_dir / "other" if database else settings.data_dir]
    started = [start(place, DATABASE_URL=database) for place in places]
    try:
        assert [process.communicate(timeout=PATIENCE)[1] for process in started] == [""] * len(places)
    finally:
        for process in started:
            process.kill()
    assert {process.returncode for process in started} == {0}
    assert moves(settings) == len(Catalog())
    for place in places:
        assert {path.name for path in (place / "models").iterdir() if path.is_dir()} >= set(Catalog())


def test_a_web_container_answers_on_an_empty_volume(tmp_path: Path) -> None:
    port = free_port()
    web = start(tmp_path / "empty", *commands.web().argv, PORT=str(port))
    try:
        until(lambda: answers(port))
        picture = (CHECKOUT / "static" / "samples" / "cat_face.jpg").read_bytes()
        answer = httpx.post(f"http://127.0.0.1:{port}/api/predict?classifier=cat_dog", content=picture, timeout=60)
        assert (answer.status_code, answer.json()["model_version"]) == (200, 1)
    finally:
        web.terminate()  # gunicorn itself: the command took the place of what prepared it
        web.communicate(timeout=PATIENCE)
    assert web.returncode == 0


def test_what_is_wrong_is_one_sentence(tmp_path: Path) -> None:
    process = start(tmp_path, "true", AUTH="perhaps")
    assert process.communicate(timeout=PATIENCE)[1].startswith("The setting AUTH='perhaps' is not valid")
    assert process.returncode == 2
    process = start(tmp_path, "true", **{f"{AWS_SECRET}_FILE": "/nowhere"})
    assert f"{AWS_SECRET}_FILE='/nowhere' cannot be read" in process.communicate(timeout=PATIENCE)[1]


def test_the_key_of_the_bucket_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hush\n")
    script = "import os; assert os.environ['AWS_SECRET_ACCESS_KEY'] == 'hush'"
    process = start(tmp_path, sys.executable, "-c", script, **{f"{AWS_SECRET}_FILE": str(tmp_path / "key")})
    assert process.communicate(timeout=PATIENCE)[1] == ""
    assert process.returncode == 0


def test_the_probe_sees_a_worker_that_lives_and_blames_none_while_redis_is_away(tmp_path: Path) -> None:
    with redis_server(tmp_path) as url:
        env = os.environ | {"DATA_DIR": str(tmp_path), "REDIS_URL": url}

        def probe() -> int:
            return subprocess.run([sys.executable, "-m", "deploy.alive"], cwd=CHECKOUT, env=env, check=False).returncode

        assert probe() == 1
        with running("celery", "--quiet", "-A", "worker.celery_app", "worker", "-Q", "system", "-n", "system@%h",
                     "-P", "solo", env=env):  # fmt: skip
            until(lambda: probe() == 0)
    assert probe() == 0


@contextmanager
def running(*command: str, env: dict[str, str]) -> Iterator[None]:
    # In a session of its own: a worker lowers the priority of its whole session.
    process = subprocess.Popen([sys.executable, "-m", *command], cwd=CHECKOUT, env=env, start_new_session=True)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)
