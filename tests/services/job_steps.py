"""What the tests of the jobs share: a queue, and jobs in all states."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

from sqlalchemy import update

from app.errors import InvalidInput
from app.services.jobs.heartbeat import this_worker
from app.services.jobs.jobs import Jobs
from app.store.db import db
from app.store.tables import Job

STRANGER = "another-machine:1"


@cache
def dead_worker() -> str:
    """Name a process of this machine that has ended."""
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    return f"{this_worker().partition(':')[0]}:{int(ended.stdout)}"


def submit(jobs: Jobs, kind: str = "audit") -> str:
    return jobs.submit(Job(kind=kind, classifier="cat_dog", params={})).id


def change(job_id: str, **values: object) -> None:
    db.session.execute(update(Job).where(Job.id == job_id).values(**values))
    db.session.commit()


def finish(job: Job) -> dict[str, object]:
    return {"worked": job.attempts}


def fail(_: Job) -> dict[str, object]:
    raise InvalidInput("The images are too few; add some.")
