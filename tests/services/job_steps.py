"""What the tests of the jobs share: a queue, and jobs in all states."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

from sqlalchemy import update

from app.errors import InvalidInput
from app.services.jobs import Jobs, this_worker
from app.store.db import db
from app.store.tables import Job

STRANGER = "another-machine:1"


class Queue:
    """Takes jobs as Redis would, or refuses them as a Redis that is down."""

    def __init__(self) -> None:
        self.up = True
        self.sent: list[str] = []

    def send(self, job: Job) -> bool:
        if self.up:
            self.sent.append(job.id)
        return self.up


@cache
def dead_worker() -> str:
    """Name a process of this machine that has ended."""
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    return f"{this_worker().partition(':')[0]}:{int(ended.stdout)}"


def submit(jobs: Jobs) -> str:
    return jobs.submit(Job(kind="retrain", classifier="cat_dog", params={})).id


def change(job_id: str, **values: object) -> None:
    db.session.execute(update(Job).where(Job.id == job_id).values(**values))
    db.session.commit()


def finish(job: Job) -> dict[str, object]:
    return {"worked": job.attempts}


def fail(_: Job) -> dict[str, object]:
    raise InvalidInput("The images are too few; add some.")
