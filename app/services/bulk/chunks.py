"""Chunks of a bulk prediction: each is claimed, answered and finished by one worker at a time, and never lost.

A message in the queue only says that a job has work to do. Whoever takes it claims a chunk in the database, so a
message that comes twice does nothing twice, and one that gets lost is replaced by the sweep.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, cast

from sqlalchemy import ColumnElement, Update, case, exists, func, insert, or_, select, update

from app.errors import Cancelled
from app.services.jobs.estimate import FIRST, rest
from app.services.jobs.heartbeat import SILENCE, is_dead, this_worker
from app.services.jobs.jobs import LOST, MAX_ATTEMPTS, RECEIVING, Jobs
from app.services.jobs.queues import ROUTES, SHARED
from app.services.jobs.transitions import change, estimated, move, note
from app.store.db import UNSYNCHRONIZED, db, now
from app.store.tables import Job, JobChunk, JobItem
from app.store.transaction import release_connection, transaction

log = logging.getLogger(__name__)

# Images: large enough that a claim costs a hundredth of the work, small enough that all workers end together.
LEAST, MOST, SHARE = 16, 256, 16
PAUSE: Final = timedelta(seconds=20)  # before a chunk is tried again whose work broke
_TRIES: Final = 20

Item = tuple[int, str, str]  # id, file name, SHA-256


@dataclass(frozen=True)
class Chunk:
    """A claim: the images `first` up to `end` of a job, and the number of the claim, which outdates those before."""

    job_id: str
    first: int
    end: int
    claims: int

    @property
    def tried_before(self) -> bool:
        """Whether another claim came to nothing."""
        return self.claims > 1

    @property
    def place(self) -> ColumnElement[bool]:
        """The chunk's row."""
        return (JobChunk.job_id == self.job_id) & (JobChunk.first == self.first)

    @property
    def held(self) -> ColumnElement[bool]:
        """The chunk's row, as long as this claim holds."""
        return self.place & (JobChunk.claims == self.claims) & JobChunk.worker.is_not(None)

    @property
    def open_items(self) -> ColumnElement[bool]:
        """The chunk's images that have no answer yet."""
        within = (JobItem.job_id == self.job_id) & JobItem.position.between(self.first, self.end - 1)
        return within & JobItem.prediction_id.is_(None) & JobItem.error.is_(None)

    @property
    def beat(self) -> Update:
        """The statement that keeps the claim alive."""
        return update(JobChunk).where(self.held)


class Chunks:
    """The claims on the parts of bulk predictions."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def cut(self, job_id: str, images: int) -> None:
        """Cut a job of so many images, in the present transaction."""
        size = min(max(images // SHARE, LEAST), MOST)
        rows = [
            {"job_id": job_id, "first": first, "end": min(first + size, images)} for first in range(0, images, size)
        ]
        db.session.execute(insert(JobChunk), rows)

    def claim(self, job_id: str) -> Chunk | None:
        """Make a free chunk this process' own, and the job a running one; None when there is nothing to do."""
        self._begin(job_id)
        free = _free(job_id)
        wanted = select(JobChunk.first).where(free).order_by(JobChunk.claims, JobChunk.first).limit(1)
        values = {"worker": this_worker(), "claims": JobChunk.claims + 1}
        for _ in range(_TRIES):  # another worker may be faster
            first = db.session.scalar(wanted)
            if first is None:
                return None
            claim = update(JobChunk).where(free, JobChunk.first == first).values(**values, heartbeat_at=now())
            with transaction():
                claimed = db.session.execute(
                    claim.returning(JobChunk.job_id, JobChunk.first, JobChunk.end, JobChunk.claims),
                    execution_options=UNSYNCHRONIZED,
                ).first()
            if claimed is not None:
                return Chunk(*claimed)
        return None

    def pass_on(self, job_id: str) -> None:
        """Send the job to the next free worker, if a chunk is left for it."""
        if db.session.scalar(select(exists().where(_free(job_id)))):
            self._jobs.enqueue(job_id)

    def items(self, chunk: Chunk) -> Sequence[Item]:
        """Return the chunk's images that have no answer yet, in order."""
        query = select(JobItem.id, JobItem.filename, JobItem.sha256).where(chunk.open_items)
        return cast("Sequence[Item]", db.session.execute(query.order_by(JobItem.position)).all())

    def record(self, chunk: Chunk, answered: int) -> None:
        """Count answers, in the transaction that keeps them; Cancelled when the chunk or the job is no longer ours."""
        moment = now()
        ours = db.session.execute(
            chunk.beat.values(heartbeat_at=moment).returning(JobChunk.first), execution_options=UNSYNCHRONIZED
        ).first()
        running = update(Job).where(Job.id == chunk.job_id, Job.status == "running")
        counted = running.values(done=Job.done + answered, heartbeat_at=moment)
        job = db.session.execute(
            counted.returning(Job.done, Job.total, Job.stage_at, Job.stage_percent), execution_options=UNSYNCHRONIZED
        ).first()
        if ours is None or job is None:
            raise Cancelled("The job was cancelled, or its chunk was given to another worker.")
        percent = 100 * job.done / max(job.total, 1)
        seen = (percent - job.stage_percent) / max(100 - job.stage_percent, 1e-9)
        left = rest((moment - job.stage_at).total_seconds(), seen) if percent >= FIRST and seen > 0 else None
        change(chunk.job_id, "running", percent=percent, **estimated(moment, left, left or 0))

    def finish(self, chunk: Chunk) -> None:
        """Close the chunk."""
        with transaction():
            db.session.execute(chunk.beat.values(finished=True, worker=None), execution_options=UNSYNCHRONIZED)

    def release(self, chunk: Chunk) -> None:
        """Give the chunk back as it is."""
        release_connection()
        with transaction():
            db.session.execute(chunk.beat.values(worker=None), execution_options=UNSYNCHRONIZED)

    def broke(self, chunk: Chunk, reason: str) -> None:
        """Give the chunk back after its work broke, for a later try; the job fails when that was the last one."""
        release_connection()
        position, times = _stuck(chunk)
        values = {"worker": None, "stuck_at": position, "stuck": times, "not_before": now() + PAUSE}
        with transaction():
            db.session.execute(chunk.beat.values(**values), execution_options=UNSYNCHRONIZED)
            note(chunk.job_id, "running", f"Images {chunk.first + 1} to {chunk.end} broke off: {reason}")
            if times >= MAX_ATTEMPTS:
                self._jobs.fail(chunk.job_id, f"It broke off {times} times at image {position + 1}: {reason}")

    def sweep(self, empty: Collection[str] = ()) -> list[str]:
        """Free the chunks of dead workers, send the jobs that no message speaks of; return those that need an end.

        A job with free chunks whose queue is `empty` has lost its message.
        """
        for row in db.session.scalars(select(JobChunk).where(JobChunk.worker.is_not(None))).all():
            if is_dead(row.worker, row.heartbeat_at):
                _reclaim_from_dead_worker(Chunk(row.job_id, row.first, row.end, row.claims), str(row.worker))
        running = db.session.scalars(select(Job).where(Job.status == "running", Job.kind.in_(SHARED))).all()
        for job in running:
            heard = [moment for moment in (job.enqueued_at, job.heartbeat_at) if moment is not None]
            quiet = LOST if ROUTES[job.kind].queue in empty else SILENCE
            if job.enqueued_at is None or min(abs(now() - moment) for moment in heard) > quiet:
                self.pass_on(job.id)
        return [job.id for job in running if self.all_finished(job.id)]

    def all_finished(self, job_id: str) -> bool:
        """Tell whether nothing of the job is left to do."""
        return not db.session.scalar(select(exists().where(JobChunk.job_id == job_id, JobChunk.finished.is_(False))))

    def _begin(self, job_id: str) -> None:
        """Move a queued job to running; what an earlier run of it has done counts."""
        waits = exists().where(Job.id == job_id, Job.status == "queued", Job.stage != RECEIVING)
        if not db.session.scalar(select(waits)):
            return
        answered = case((or_(JobItem.prediction_id.is_not(None), JobItem.error.is_not(None)), 1))
        query = select(func.count(), func.count(answered)).where(JobItem.job_id == job_id)
        total, done = db.session.execute(query).one()
        moment, percent = now(), 100 * done / max(total, 1)
        unfinished = update(JobChunk).where(JobChunk.job_id == job_id, JobChunk.finished.is_(False))
        with transaction():
            db.session.execute(unfinished.values(stuck=0, not_before=None), execution_options=UNSYNCHRONIZED)
            move(
                job_id, "queued", "running", f"Begun by {this_worker()}.", started_at=moment,
                heartbeat_at=moment, attempts=Job.attempts + 1, stage="predicting", stage_at=moment,
                stage_percent=percent, percent=percent, done=done, total=total,
            )  # fmt: skip


def _free(job_id: str) -> ColumnElement[bool]:
    runs = exists().where(Job.id == job_id, Job.status == "running")
    rests = JobChunk.not_before.between(now(), now() + PAUSE)  # longer only if the clock was put back
    rested = or_(JobChunk.not_before.is_(None), ~rests)
    return (JobChunk.job_id == job_id) & JobChunk.finished.is_(False) & JobChunk.worker.is_(None) & rested & runs


def _stuck(chunk: Chunk) -> tuple[int, int]:
    """Return the position at which the work ended, and how often in a row it has ended there, this time included."""
    position = db.session.scalar(select(func.min(JobItem.position)).where(chunk.open_items))
    before, times = db.session.execute(select(JobChunk.stuck_at, JobChunk.stuck).where(chunk.place)).one()
    position = chunk.end if position is None else position
    return position, times + 1 if before == position else 1


def _reclaim_from_dead_worker(chunk: Chunk, worker: str) -> None:
    """Free the chunk of a dead worker. The one image that has killed its worker too often is given up."""
    position, times = _stuck(chunk)
    freed = chunk.beat.values(worker=None, stuck_at=position, stuck=times).returning(JobChunk.first)
    cause = f"The worker {worker} died over images {chunk.first + 1} to {chunk.end}."
    with transaction() as unit:
        if db.session.execute(freed, execution_options=UNSYNCHRONIZED).first() is None:
            return
        if times >= MAX_ATTEMPTS:  # images are committed one by one after the first death, so this is the one
            error = f"The worker died {times} times over this image; it was left out."
            place = chunk.open_items & (JobItem.position == position)
            db.session.execute(update(JobItem).where(place).values(error=error), execution_options=UNSYNCHRONIZED)
            change(chunk.job_id, "running", done=Job.done + 1)
        if change(chunk.job_id, "running", enqueued_at=None):  # its message went with it
            note(chunk.job_id, "running", cause)
        unit.after_commit(lambda: log.warning("Job %s: %s", chunk.job_id, cause))
