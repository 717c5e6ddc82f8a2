"""Jobs: rows that move queued -> running -> succeeded, failed or cancelled, whatever the queue says of them."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import psutil
from sqlalchemy import ColumnElement, select, update

from app.errors import Cancelled, Conflict, FoveaError, NotFound
from app.services.heartbeat import heartbeat
from app.store.db import db, now
from app.store.tables import Job

log = logging.getLogger(__name__)

ACTIVE: Final = ("queued", "running")
FINAL: Final = ("succeeded", "failed", "cancelled")
MAX_ATTEMPTS: Final = 3
SILENCE: Final = timedelta(seconds=60)  # a worker that has not been heard of for so long is dead
RESEND: Final = timedelta(minutes=5)  # a sent job that nobody claimed for so long is sent again


def this_worker() -> str:
    """Name the present process as the owner of a job."""
    return f"{socket.gethostname()}:{os.getpid()}"


class Jobs:
    """The jobs' life. `send` hands a job's id to the queue and says whether the queue took it."""

    def __init__(self, send: Callable[[Job], bool]) -> None:
        self._send = send

    def get(self, job_id: str) -> Job:
        """Return a job; NotFound when there is none."""
        job = db.session.get(Job, job_id)
        if job is None:
            raise NotFound(f"There is no job {job_id!r}; see /api/jobs for the jobs there are.")
        return job

    def list(self, status: str | None = None, kind: str | None = None, limit: int = 50) -> Sequence[Job]:
        """Return the newest jobs first."""
        query = select(Job).order_by(Job.created_at.desc()).limit(limit)
        if status:
            query = query.where(Job.status == status)
        if kind:
            query = query.where(Job.kind == kind)
        return db.session.scalars(query).all()

    def submit(self, job: Job) -> Job:
        """Commit the new job with whatever else the session holds, then hand it to the queue."""
        db.session.add(job)
        db.session.commit()
        self.enqueue(job)
        return job

    def enqueue(self, job: Job) -> None:
        """Send a queued job. When the queue is down the row waits for the next sweep."""
        if self._send(job):
            job.enqueued_at = now()
            db.session.commit()
        else:
            log.warning("The queue is down; job %s waits.", job.id)

    def claim(self, job_id: str) -> Job | None:
        """Make a queued job this process' own, or return None: someone else has it, had it, or cancelled it."""
        moment = now()
        taken = self._move(
            job_id, "queued", status="running", worker=this_worker(), started_at=moment, heartbeat_at=moment,
            attempts=Job.attempts + 1, stage="starting",
        )  # fmt: skip
        return self.get(job_id) if taken else None

    def run(self, job_id: str, work: Callable[[Job], dict[str, Any]]) -> None:
        """Claim the job and do its work; the row ends succeeded, failed or cancelled. A second call does nothing."""
        job = self.claim(job_id)
        if job is None:
            log.info("Job %s is not waiting; nothing to do.", job_id)
            return
        try:
            with heartbeat(db.engine, job_id, this_worker()):
                result = work(job)
        except Cancelled:
            db.session.rollback()
            self._end(job_id, "cancelled", stage="cancelled")
        except FoveaError as error:
            db.session.rollback()
            self._fail(job_id, str(error), Job.worker == this_worker())
        except Exception as error:
            log.exception("Job %s failed", job_id)
            db.session.rollback()
            self._fail(job_id, f"It broke unexpectedly: {type(error).__name__}: {error}", Job.worker == this_worker())
        else:
            self._end(job_id, "succeeded", stage="done", percent=100.0, result=result)

    def progress(
        self,
        job: Job,
        stage: str,
        done: int,
        total: int,
        percent: float,
        epoch: dict[str, float] | None = None,
    ) -> None:
        """Record how far the job is, as a sign of life too; Cancelled when someone asked for an end."""
        history = job.history if epoch is None else [*job.history, epoch]
        mine = self._move(
            job.id, "running", Job.worker == this_worker(), stage=stage, done=done, total=total, history=history,
            percent=round(min(percent, 99.9), 1), heartbeat_at=now(),
        )  # fmt: skip
        if not mine or job.cancel_requested:
            raise Cancelled("The job was cancelled.")

    def cancel(self, job_id: str) -> Job:
        """End a queued job now; ask a running one to stop. Conflict when it has ended already."""
        job = self.get(job_id)
        if self._move(job_id, "queued", status="cancelled", stage="cancelled", finished_at=now()):
            return self.get(job_id)
        if not self._move(job_id, "running", cancel_requested=True):
            raise Conflict(f"The job has already ended: it {_was(job.status)}.")
        return self.get(job_id)

    def retry(self, job_id: str) -> Job:
        """Queue a failed or cancelled job again; what it has already done is kept."""
        job = self.get(job_id)
        if job.status not in ("failed", "cancelled"):
            raise Conflict(f"Only a failed or cancelled job can be retried; this one {_was(job.status)}.")
        self._move(job_id, job.status, attempts=0, **_AFRESH)
        job = self.get(job_id)
        self.enqueue(job)
        return job

    def sweep(self) -> None:
        """Put right what died: requeue or fail the jobs of dead workers, send the jobs that no queue holds."""
        for job in db.session.scalars(select(Job).where(Job.status == "running")).all():
            if _is_dead(job):
                self._bury(job)
        stale = (Job.enqueued_at.is_(None)) | (Job.enqueued_at < now() - RESEND)
        for job in db.session.scalars(select(Job).where(Job.status == "queued", stale)).all():
            self.enqueue(job)

    def _bury(self, job: Job) -> None:
        log.warning("Job %s lost its worker %s (attempt %d).", job.id, job.worker, job.attempts)
        same = (Job.worker == job.worker) & (Job.attempts == job.attempts)
        if job.cancel_requested:
            self._move(job.id, "running", same, status="cancelled", stage="cancelled", finished_at=now())
        elif job.attempts >= MAX_ATTEMPTS:
            reason = f"The worker died {job.attempts} times while it ran; look at its log, then retry."
            self._fail(job.id, reason, same)
        else:
            self._move(job.id, "running", same, **_AFRESH)

    def _fail(self, job_id: str, reason: str, owned: ColumnElement[bool]) -> None:
        errors = [*self.get(job_id).errors, {"file": None, "reason": reason}]
        self._move(job_id, "running", owned, status="failed", stage="failed", errors=errors, finished_at=now())

    def _end(self, job_id: str, status: str, **values: Any) -> None:  # noqa: ANN401 - column values
        self._move(job_id, "running", Job.worker == this_worker(), status=status, finished_at=now(), **values)

    def _move(self, job_id: str, source: str, *where: ColumnElement[bool], **values: Any) -> bool:  # noqa: ANN401 - column values
        """Change the row if it is still in `source`; say whether it was. The database decides races."""
        statement = update(Job).where(Job.id == job_id, Job.status == source, *where).values(**values)
        changed = db.session.execute(
            statement.returning(Job.id), execution_options={"synchronize_session": False}
        ).first()
        db.session.commit()
        db.session.expire_all()
        return changed is not None


_AFRESH: Final[dict[str, Any]] = {
    "status": "queued", "stage": "waiting", "percent": 0.0, "done": 0, "total": 0, "history": [], "errors": [],
    "result": None, "worker": None, "cancel_requested": False, "enqueued_at": None, "started_at": None,
    "heartbeat_at": None, "finished_at": None,
}  # fmt: skip


def eta_seconds(job: Job, moment: datetime | None = None) -> float | None:
    """Estimate the seconds a running job still needs, from its pace so far; None when it is too early to say."""
    if job.status != "running" or job.started_at is None or job.percent < 1:
        return None
    elapsed = ((moment or now()) - job.started_at).total_seconds()
    return round(elapsed * (100 - job.percent) / job.percent, 1)


def _is_dead(job: Job) -> bool:
    host, _, pid = (job.worker or "").rpartition(":")
    if host == socket.gethostname() and pid.isdecimal() and not psutil.pid_exists(int(pid)):
        return True
    return job.heartbeat_at is None or now() - job.heartbeat_at > SILENCE


def _was(status: str) -> str:
    return {"cancelled": "was cancelled", "running": "is running", "queued": "is waiting"}.get(status, status)
