"""Jobs: rows that move queued -> running -> succeeded, failed or cancelled, whatever the queue says of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, delete, exists, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from app.actor import by_whom
from app.errors import Cancelled, Conflict, Enough, FoveaError, NotFound
from app.services.jobs.faults import SMALLER, explain
from app.services.jobs.heartbeat import heartbeat, is_dead, this_worker
from app.services.jobs.queues import ALONE, ROUTES, SHARED
from app.services.jobs.transitions import NEW_TRY, change, estimated, move, note, wait_in_line, was
from app.store.audit_log import record
from app.store.db import UNSYNCHRONIZED, db, now
from app.store.tables import Job
from app.store.transaction import release_connection, transaction

log = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 3
RESEND: Final = timedelta(minutes=5)  # a sent job that nobody claimed for so long is sent again
LOST: Final = timedelta(seconds=30)  # and so soon when its queue is empty: a worker needs less to claim what it took
RECEIVING: Final = "receiving"  # the stage of a job that waits for more parts
RECEIVE: Final = timedelta(hours=24)  # and for so long it does
KEEPABLE: Final = "training"  # the stage in which a cancelled job has something to keep


@dataclass(frozen=True)
class JobProgress:
    """How far a job is: `done` of `total` steps of a stage, `percent` of all its work; the figures of a new epoch.

    `left` are the seconds that it still needs, None where it is too early to say; that holds for `sure` seconds.
    """

    stage: str
    done: int
    total: int
    percent: float
    epoch: dict[str, float] | None = None
    left: float | None = None
    sure: float = 0.0


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
        """Store the new job and, once it is committed, hand it to the queue."""
        with transaction():
            self.create(job)
            self.enqueue(job.id)
        return job

    def create(self, job: Job) -> None:
        """Add a new job to the present transaction."""
        db.session.add(job)
        db.session.flush()
        note(job.id, "queued", "Submitted.")
        record(f"{job.kind}.submitted", job.classifier, job=job.id)

    def forget(self, job_id: str) -> None:
        """Delete a job that came to nothing before it began."""
        release_connection()
        with transaction():
            db.session.execute(delete(Job).where(Job.id == job_id), execution_options=UNSYNCHRONIZED)

    def enqueue(self, job_id: str) -> None:
        """Hand a job to the queue after the commit. When the queue is down the row waits for the next sweep."""
        with transaction() as unit:
            unit.after_commit(lambda: self._hand_over(job_id))

    def _hand_over(self, job_id: str) -> None:
        job = self.get(job_id)
        taken = self._send(job)
        if not taken:
            log.warning("The queue is down; job %s waits.", job_id)
        with transaction():
            job.enqueued_at = now() if taken else None

    def claim(self, job_id: str) -> Job | None:
        """Make a queued job this process' own, or return None: someone else has it, had it, or cancelled it.

        So it is, too, while another job of its classifier runs that it must not run beside: it waits for that one.
        """
        moment, worker = now(), this_worker()
        wanted = partial(
            move, job_id, "queued", "running", f"Claimed by {worker}.", worker=worker, started_at=moment,
            heartbeat_at=moment, attempts=Job.attempts + 1, stage="starting", stage_at=moment,
        )  # fmt: skip
        try:
            taken = wanted()
        except IntegrityError:
            self.reclaim()  # where no service sweeps, a dead process may stand in the way
            try:
                taken = wanted()
            except IntegrityError:
                wait_in_line(job_id)
                return None
        return self.get(job_id) if taken else None

    def run(self, job_id: str, work: Callable[[Job], dict[str, Any]]) -> None:
        """Claim the job and do its work; the row ends succeeded, failed or cancelled. A second call does nothing."""
        job = self.claim(job_id)
        if job is None:
            log.info("Job %s is not waiting; nothing to do.", job_id)
            return
        mine = Job.worker == this_worker()
        beat = update(Job).where(Job.id == job_id, mine, Job.status == "running")
        try:
            with heartbeat(db.engine, beat):
                result = work(job)
        except Cancelled as reason:
            release_connection()
            move(job_id, "running", "cancelled", str(reason), mine, stage="cancelled")
        except FoveaError as error:
            release_connection()
            self.fail(job_id, str(error), mine)
        except Exception as error:
            log.exception("Job %s failed", job_id)
            release_connection()
            self.fail(job_id, explain(error), mine)
        else:
            self._complete(job_id, result, mine)
        self._call_next(job_id)

    def stop(self, job_id: str, reason: str) -> None:
        """Cancel a job that this process runs, because the process ends; nothing happens where it has ended."""
        release_connection()
        move(job_id, "running", "cancelled", reason, Job.worker == this_worker(), stage="cancelled")

    def progress(self, job: Job, report: JobProgress) -> None:
        """Record how far the job is, as a sign of life too; Cancelled when someone asked for an end.

        When they asked to keep what there is, a training gets Enough, and what follows it goes on to its end.
        """
        moment, percent = now(), round(min(report.percent, 99.9), 1)
        values: dict[str, Any] = {
            "done": report.done, "total": report.total, "percent": percent, "heartbeat_at": moment,
            **estimated(moment, report.left, report.sure),
        }  # fmt: skip
        if report.epoch is not None:
            values["history"] = [*job.history, report.epoch]
        began = report.stage != job.stage
        if began:
            values |= {"stage": report.stage, "stage_at": moment, "stage_percent": percent}
        with transaction():
            mine = change(job.id, "running", Job.worker == this_worker(), **values)
            if mine and began:
                note(job.id, "running", f"Stage: {report.stage}.")
        db.session.expire_all()
        if not mine:
            raise Cancelled("The job is no longer this worker's.")
        if job.cancel_requested:
            _stop(job)

    def cancel(self, job_id: str, keep: bool = False) -> Job:
        """End a job now that waits, is shared or whose worker is dead; ask any other to stop.

        Conflict when it has ended already.

        `keep`: a training that has an epoch behind it leaves its best one as the challenger.
        """
        job = self.get(job_id)
        cause, shared = f"Cancelled by {by_whom()}.", Job.kind.in_(SHARED)
        if move(job_id, "queued", "cancelled", cause, stage="cancelled"):
            return self.get(job_id)
        if move(job_id, "running", "cancelled", cause, shared, stage="cancelled", cancel_requested=True):
            return self.get(job_id)
        if is_dead(job.worker, job.heartbeat_at) and move(
            job_id, "running", "cancelled", f"{cause} Its worker was dead.", _same_claim(job), stage="cancelled"
        ):
            return self.get(job_id)
        with transaction():
            if not change(job_id, "running", cancel_requested=True, keep=keep):
                raise Conflict(f"The job has already ended: it {was(job.status)}.")
            note(job_id, "running", "Asked to stop" + (" and to keep its best epoch." if keep else "."))
        return self.get(job_id)

    def retry(self, job_id: str) -> Job:
        """Queue a failed or cancelled job again; what it has already done is kept."""
        job = self.get(job_id)
        if job.status not in ("failed", "cancelled"):
            raise Conflict(f"Only a failed or cancelled job can be retried; this one {was(job.status)}.")
        if job.result is not None:
            raise Conflict(f"What the job had done is version {job.result['model_version']} now; start a new one.")
        with transaction():
            if move(job_id, job.status, "queued", f"Retried by {by_whom()}.", attempts=0, **NEW_TRY):
                self.enqueue(job_id)
        return self.get(job_id)

    def fail(self, job_id: str, reason: str, *owned: ColumnElement[bool]) -> None:
        """End a running job as failed, with the reason among its errors."""
        errors = [*self.get(job_id).errors, {"file": None, "reason": reason}]
        move(job_id, "running", "failed", reason, *owned, stage="failed", errors=errors)

    def sweep(self, empty: Collection[str] = ()) -> None:
        """Put right what died: requeue or fail the jobs of dead workers, send the jobs that no queue holds.

        In the queues that are known to be `empty` no message of a job can be left; Redis may have lost it.
        """
        self.reclaim()
        gone = Job.kind.in_([kind for kind, route in ROUTES.items() if route.queue in empty]) & ~_sent_within(LOST)
        unsent = or_(Job.enqueued_at.is_(None), ~_sent_within(RESEND), gone)
        waiting = select(Job).where(Job.status == "queued", Job.stage != RECEIVING, unsent, ~_IN_LINE)
        for job in db.session.scalars(waiting.order_by(Job.created_at)).all():
            self.enqueue(job.id)
        forgotten = select(Job).where(
            Job.status == "queued", Job.stage == RECEIVING, Job.heartbeat_at < now() - RECEIVE
        )
        for job in db.session.scalars(forgotten).all():
            move(job.id, "queued", "cancelled", "No further part came for a day.", stage="cancelled")

    def reclaim(self) -> None:
        """Requeue or fail the jobs of dead workers."""
        running = select(Job).where(Job.status == "running", Job.kind.not_in(SHARED))
        for job in db.session.scalars(running).all():
            if is_dead(job.worker, job.heartbeat_at):
                self._reclaim_from_dead_worker(job)

    def _reclaim_from_dead_worker(self, job: Job) -> None:
        """Put the job back in the queue, or end it where it was to stop or has had its tries."""
        cause = f"Its worker {job.worker} died in attempt {job.attempts}."
        log.warning("Job %s: %s", job.id, cause)
        same = _same_claim(job)
        if job.cancel_requested:
            move(job.id, "running", "cancelled", cause, same, stage="cancelled")
        elif job.attempts >= MAX_ATTEMPTS:
            reason = f"The worker died {job.attempts} times while it ran; {_DEADLY.get(job.kind, 'look at its log')}."
            self.fail(job.id, reason, same)
        else:
            move(job.id, "running", "queued", cause, same, **NEW_TRY | {"percent": Job.percent})  # it never falls

    def _call_next(self, job_id: str) -> None:
        """Hand the job that has waited longest for this one's end to the queue."""
        ended = self.get(job_id)
        same = (Job.kind == ended.kind, Job.classifier == ended.classifier, Job.kind.in_(ALONE))
        waiting = select(Job).where(Job.status == "queued", *same).order_by(Job.created_at).limit(1)
        if (following := db.session.scalar(waiting)) is not None:
            self.enqueue(following.id)

    def _complete(self, job_id: str, result: dict[str, Any], mine: ColumnElement[bool]) -> None:
        if self.get(job_id).keep:
            move(job_id, "running", "cancelled", "Stopped early; the best epoch was kept.", mine,
                 stage="cancelled", result=result)  # fmt: skip
        else:
            move(job_id, "running", "succeeded", "Done.", mine,
                 stage="done", percent=100.0, done=Job.total, result=result)  # fmt: skip


_OTHER = aliased(Job)
_IN_LINE: Final = and_(
    Job.kind.in_(ALONE),
    exists().where(_OTHER.kind == Job.kind, _OTHER.classifier == Job.classifier, _OTHER.status == "running"),
)
_DEADLY: Final = {"retrain": f"if it lacked memory, {SMALLER}; retry it to go on from its last epoch"}


def _same_claim(job: Job) -> ColumnElement[bool]:
    return (Job.worker == job.worker) & (Job.attempts == job.attempts)


def _sent_within(time: timedelta) -> ColumnElement[bool]:
    return Job.enqueued_at.between(now() - time, now() + time)  # a clock may have been put back


def _stop(job: Job) -> None:
    """Stop the work of a cancelled job, unless it is on its way to what is to be kept."""
    if job.keep and job.stage == KEEPABLE:
        raise Enough("Stopped as requested; there was no epoch to keep yet.")
    if not (job.keep and job.history):
        raise Cancelled("Stopped as requested.")
