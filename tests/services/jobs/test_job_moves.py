from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise

from conftest import Queue
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from job_steps import STRANGER, change, dead_worker, fail, finish, submit
from sqlalchemy import text

from app.errors import FoveaError
from app.services.jobs.jobs import MAX_ATTEMPTS, JobProgress, Jobs
from app.services.jobs.transitions import ACTIVE, MOVES, events
from app.store.db import db

STEPS = ["claim", "progress", "succeed", "fail", "cancel", "retry", "sweep", "die", "lose", "queue turns"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(steps=st.lists(st.sampled_from(STEPS), max_size=12))
def test_no_sequence_of_calls_leaves_the_allowed_moves(jobs: Jobs, queue: Queue, steps: list[str]) -> None:
    queue.up = True
    watch_moves()
    job_id = submit(jobs)
    for step in steps:
        take(step, jobs, queue, job_id)
        job = jobs.get(job_id)
        assert (job.finished_at is None) == (job.status in ACTIVE)
        assert (job.worker is None) or job.status != "queued"
        assert (job.result is None) or job.status == "succeeded"
        assert bool(job.errors) == (job.status == "failed")
        assert job.attempts <= MAX_ATTEMPTS
    moves = db.session.execute(text("SELECT old, new FROM moves WHERE id = :id"), {"id": job_id}).all()
    assert all(new in MOVES[old] for old, new in moves)
    told = [event["status"] for event in events(job_id)]
    assert told[0] == "queued"
    assert [(old, new) for old, new in pairwise(told) if old != new] == [tuple(row) for row in moves]
    assert all(event["cause"].endswith(".") for event in events(job_id))


def watch_moves() -> None:
    """Let the database itself keep every change of a status, those within one call too."""
    keep = "BEGIN INSERT INTO moves VALUES (old.id, old.status, new.status); END"
    when = "AFTER UPDATE OF status ON jobs WHEN old.status <> new.status"
    db.session.execute(text("CREATE TABLE IF NOT EXISTS moves (id, old, new)"))
    db.session.execute(text("DELETE FROM moves"))
    db.session.execute(text(f"CREATE TRIGGER IF NOT EXISTS watch {when} {keep}"))
    db.session.commit()


def take(step: str, jobs: Jobs, queue: Queue, job_id: str) -> None:
    """Make one step; a refusal is an answer too."""

    def go_to(worker: str) -> None:
        if jobs.get(job_id).status == "running":
            change(job_id, worker=worker)

    def turn() -> None:
        queue.up = not queue.up

    actions: dict[str, Callable[[], object]] = {
        "claim": lambda: jobs.claim(job_id),
        "progress": lambda: jobs.progress(jobs.get(job_id), JobProgress("training", 1, 2, 50.0)),
        "succeed": lambda: jobs.run(job_id, finish),
        "fail": lambda: jobs.run(job_id, fail),
        "cancel": lambda: jobs.cancel(job_id),
        "retry": lambda: jobs.retry(job_id),
        "sweep": jobs.sweep,
        "die": lambda: go_to(dead_worker()),
        "lose": lambda: go_to(STRANGER),
        "queue turns": turn,
    }
    with suppress(FoveaError):
        actions[step]()
