"""The states of a job and the moves between them: the only place that changes a job's status."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, insert, select, update

from app.store.db import UNSYNCHRONIZED, db, now
from app.store.outbox import announce
from app.store.tables import Job, JobEvent
from app.store.transaction import transaction

log = logging.getLogger(__name__)

MOVES: Final[dict[str, tuple[str, ...]]] = {
    "queued": ("running", "cancelled"),
    "running": ("succeeded", "failed", "cancelled", "queued"),
    "failed": ("queued",),
    "cancelled": ("queued",),
    "succeeded": (),
}
ACTIVE: Final = ("queued", "running")
FINAL: Final = ("succeeded", "failed", "cancelled")
CAUSE_CHARACTERS: Final = 500
SLACK: Final = 1.0  # seconds by which the next report may be late
LONGEST: Final = 1e8  # seconds
# What a job begins again with.
NEW_TRY: Final[dict[str, Any]] = {
    "stage": "waiting", "percent": 0.0, "done": 0, "total": 0, "history": [], "errors": [],
    "result": None, "worker": None, "cancel_requested": False, "keep": False, "enqueued_at": None, "started_at": None,
    "heartbeat_at": None, "finished_at": None, "stage_at": None, "stage_percent": 0.0,
    "ends_at": None, "sure_until": None, "timings": {},
}  # fmt: skip


def move(
    job_id: str,
    source: str,
    target: str,
    cause: str,
    *where: ColumnElement[bool],
    **values: Any,  # noqa: ANN401 - column values
) -> bool:
    """Move the job if it is still in `source` and the conditions hold; say whether it moved.

    The database decides races: of two callers one moves the job. Every move is recorded with its time and cause.
    """
    assert target in MOVES[source], f"{source} -> {target} is no move of a job"  # noqa: S101 - a bug, not an input
    if target in FINAL:
        values["finished_at"] = now()
    with transaction() as unit:
        moved = change(job_id, source, *where, status=target, **values)
        if moved:
            note(job_id, target, cause)
            if target in FINAL:
                _announce(job_id, target, cause)
            unit.after_commit(lambda: log.info("Job %s: %s -> %s. %s", job_id, source, target, cause))
    db.session.expire_all()
    return moved


def change(job_id: str, source: str, /, *where: ColumnElement[bool], **values: Any) -> bool:  # noqa: ANN401 - column values
    """Set columns of the job if it is in `source` and the conditions hold; say so, in the present transaction."""
    statement = update(Job).where(Job.id == job_id, Job.status == source, *where).values(**values)
    return db.session.execute(statement.returning(Job.id), execution_options=UNSYNCHRONIZED).first() is not None


def estimated(moment: datetime, left: float | None, sure: float) -> dict[str, datetime | None]:
    """Return the columns that say, at this moment, that `left` seconds are left, which holds for `sure` seconds."""
    if left is None:
        return {"ends_at": None, "sure_until": None}
    return {"ends_at": _after(moment, left), "sure_until": _after(moment, sure + SLACK)}


def _after(moment: datetime, seconds: float) -> datetime:
    return moment + timedelta(seconds=min(seconds, LONGEST))


def _announce(job_id: str, status: str, cause: str) -> None:
    """Tell the webhook of a job's end. It gets no file names: they may name patients."""
    kind, classifier = db.session.execute(select(Job.kind, Job.classifier).where(Job.id == job_id)).one()
    announce(
        f"job.{status}", job_id=job_id, kind=kind, classifier=classifier, status=status, cause=cause,
        status_url=f"/api/jobs/{job_id}",
    )  # fmt: skip


def note(job_id: str, status: str, cause: str) -> None:
    """Add a line to the job's log, in the present transaction."""
    row = {"job_id": job_id, "at": now(), "status": status, "cause": cause[:CAUSE_CHARACTERS]}
    db.session.execute(insert(JobEvent).values(row))


def wait_in_line(job_id: str) -> None:
    """Leave the job to whoever ends the one before it, or to the sweep."""
    with transaction():
        if change(job_id, "queued", enqueued_at=None):
            note(job_id, "queued", "Waits for the end of another training of the same classifier.")


def events(job_id: str) -> list[dict[str, Any]]:
    """Return what happened to a job, the oldest first: when, the status from then on, and why."""
    query = select(JobEvent.at, JobEvent.status, JobEvent.cause).where(JobEvent.job_id == job_id).order_by(JobEvent.id)
    return [{"at": at, "status": status, "cause": cause} for at, status, cause in db.session.execute(query)]


def was(status: str) -> str:
    """Say in words what a job of this status was or is."""
    return {"cancelled": "was cancelled", "running": "is running", "queued": "is waiting"}.get(status, status)


def origin(job_id: str) -> tuple[str | None, str | None]:
    """Return the id of the HTTP request that started a job, and who did; None each where that is not known."""
    found = db.session.execute(select(Job.request_id, Job.actor).where(Job.id == job_id)).one_or_none()
    return (None, None) if found is None else (found[0], found[1])
