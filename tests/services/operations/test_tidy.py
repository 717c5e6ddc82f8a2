from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from flask import Flask
from job_steps import change, fail, finish, submit

from app.config import CHECKOUT, Settings
from app.services.jobs.jobs import Jobs
from app.services.wiring import Services
from app.store.db import now
from app.store.staging import staging

KILLED = """
import os, signal, sys
from pathlib import Path
from app.store.staging import staging
with staging(Path(sys.argv[1])) as folder:
    (folder / "half").write_bytes(b"x")
    os.kill(os.getpid(), signal.SIGKILL)
"""
AT_ONCE = timedelta(0)


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob(".new-*"))


def test_a_folder_goes_when_its_owner_was_killed_and_stays_while_it_lives(app: Flask, settings: Settings) -> None:
    services: Services = app.extensions["fovea"]
    place = settings.models_dir / "cat_dog"
    subprocess.run([sys.executable, "-c", KILLED, str(place)], cwd=CHECKOUT, check=False)
    with staging(place) as mine:
        assert len(hidden(place)) == 2
        services.tidy.sweep()
        assert hidden(place) == [mine.name]
    assert hidden(place) == []


def test_half_written_files_go_once_nobody_can_be_writing_them(app: Flask, settings: Settings) -> None:
    services: Services = app.extensions["fovea"]
    sha256 = services.files.put(b"kept")
    image = next(settings.uploads_dir.rglob(sha256))
    half = image.with_name(".new-abcdefgh")
    half.write_bytes(b"half")
    services.tidy.sweep()
    assert half.exists()
    services.tidy.sweep(AT_ONCE)
    assert hidden(settings.uploads_dir) == []
    assert image.read_bytes() == b"kept"


def test_an_image_whose_removal_was_cut_off_is_there_again(app: Flask, settings: Settings) -> None:
    services: Services = app.extensions["fovea"]
    sha256 = services.files.put(b"kept")
    image = next(settings.uploads_dir.rglob(sha256))
    image.rename(image.with_name(f".new-{sha256}"))
    services.tidy.sweep(AT_ONCE)
    assert services.files.read(sha256) == b"kept"
    assert hidden(settings.uploads_dir) == []


def test_what_a_run_left_stays_as_long_as_it_can_be_taken_up(app: Flask, jobs: Jobs, settings: Settings) -> None:
    services: Services = app.extensions["fovea"]
    done, waiting, failed, forgotten = (submit(jobs) for _ in range(4))
    jobs.run(done, finish)
    for job_id in (failed, forgotten):
        jobs.run(job_id, fail)
    change(forgotten, finished_at=now() - timedelta(days=8))
    for name in (done, waiting, failed, forgotten, "unknown"):
        (settings.instance_dir / "runs" / name).mkdir(parents=True)
    services.tidy.sweep()
    assert {path.name for path in (settings.instance_dir / "runs").iterdir()} == {waiting, failed}
