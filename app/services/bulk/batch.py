"""Bulk prediction: many images accepted at once or in parts, answered by many workers, each exactly once."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from sqlalchemy import Table, bindparam, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from app.batched import batched
from app.errors import Cancelled, Conflict, FoveaError, InvalidInput, TooLarge, Unavailable
from app.paths import shortened
from app.services.bulk import results
from app.services.bulk.chunks import Chunk, Chunks, Item
from app.services.bulk.results import ALL, ResultFilter
from app.services.datasets.archive import Found, Member, nothing_usable
from app.services.jobs.heartbeat import heartbeat
from app.services.jobs.jobs import RECEIVING, Jobs
from app.services.jobs.request_keys import once
from app.services.jobs.transitions import change, move, note
from app.services.serving.predict import Predict, PredictionRequest
from app.store.db import UNSYNCHRONIZED, db, new_id, now
from app.store.files import Files
from app.store.tables import Job, JobItem, Prediction
from app.store.transaction import release_connection, transaction

log = logging.getLogger(__name__)

KIND: Final = "bulk_predict"
MAX_IMAGES: Final = 100_000  # of one job, all parts together
MAX_NAME: Final = 255  # characters that are kept of a file's path
MAX_ERRORS: Final = 1000  # in the job's own list; its results have them all
STORED: Final = 16  # images in one go
ANSWERED, ANSWERED_SECONDS = 64, 0.5  # images in one transaction: so many, or as many as that takes


@dataclass(frozen=True)
class StoredUpload:
    """A file by its path that has been looked at: stored under its SHA-256, or of no use for a `reason`."""

    name: str
    sha256: str | None
    reason: str | None


@dataclass(frozen=True)
class Part:
    """What one call brings: its files, how many system files were ignored, and whether `more` calls are to come."""

    files: Sequence[StoredUpload]
    ignored: int
    more: bool


class Batch:
    """The bulk prediction use case."""

    def __init__(self, files: Files, jobs: Jobs, predict: Predict, max_file_bytes: int) -> None:
        self._files = files
        self._jobs = jobs
        self._chunks = Chunks(jobs)
        self._predict = predict
        self._max_file_bytes = max_file_bytes

    def submit(self, classifier: str, found: Found, more: bool = False, key: str | None = None) -> Job:
        """Store the images and queue the job; with `more` it waits for other parts.

        The job's parameters and its result count the system files that were ignored. InvalidInput when there is
        nothing to answer or no model to ask. The same `key` with the same files gives the same job; with others it is
        a Conflict.
        """
        version = self._predict.version(classifier)
        job = Job(
            id=new_id(), kind=KIND, classifier=classifier, params={"model_version": version}, total=0,
            stage=RECEIVING, heartbeat_at=now(),
        )  # fmt: skip

        job_id = job.id
        with transaction():
            self._jobs.create(job)  # before its images, so that retention leaves them until their rows are there
        kept = None
        try:
            part = Part(self._take(found.members), found.ignored, more)
            _check_useful(part.files)
            kept = once(key, _asked(classifier, part), job_id, partial(self._add, job_id, part))
        finally:
            if kept != job_id:  # nothing to answer, or the same call came before
                self._jobs.forget(job_id)
        return self._jobs.get(kept)

    def add(self, job_id: str, found: Found, more: bool = False, key: str | None = None) -> Job:
        """Add a part to a job that waits for more, and start it unless still `more` are to come.

        Conflict when it has begun. The last call may bring no file.
        """
        self._jobs.get(job_id)
        part = Part(self._take(found.members), found.ignored, more)
        if part.files or (more and not part.ignored):
            _check_useful(part.files)
        return self._jobs.get(once(key, _asked(job_id, part), job_id, partial(self._add, job_id, part)))

    def work(self, job_id: str) -> None:
        """Answer one chunk of the job, after passing the job on to the next free worker; the last one ends it."""
        chunk = self._chunks.claim(job_id)
        if chunk is None:
            log.info("Job %s has nothing to do for this worker.", job_id)
            return
        try:
            self._chunks.pass_on(job_id)
            with heartbeat(db.engine, chunk.beat):
                self._answer_all(chunk)
            self._chunks.finish(chunk)
        except Cancelled as reason:
            log.info("Job %s: %s", job_id, reason)
            self._chunks.release(chunk)
        except Exception as error:
            log.exception("Job %s broke off", job_id)
            self._chunks.broke(chunk, f"{type(error).__name__}: {error}")
        else:
            if self._chunks.all_finished(job_id):
                self._end(job_id)

    def sweep(self, empty: Collection[str] = ()) -> None:
        """Put right what dead workers left behind, and what was lost from queues that are `empty`."""
        for job_id in self._chunks.sweep(empty):
            self._end(job_id)

    def results(
        self, job_id: str, offset: int = 0, limit: int | None = None, wanted: ResultFilter = ALL
    ) -> Iterator[dict[str, Any]]:
        """Yield a row per wanted file, in the order of submission: its name, then its answer or its error."""
        self._bulk(job_id)
        return results.rows(job_id, wanted, offset, limit)

    def count(self, job_id: str, wanted: ResultFilter = ALL) -> int:
        """Return how many rows the results have."""
        self._bulk(job_id)
        return results.count(job_id, wanted)

    def counts(self, job_id: str) -> list[dict[str, Any]]:
        """Return how many images have each decision and predicted class; "error" and "waiting" have no class."""
        self._bulk(job_id)
        return results.counts(job_id)

    def _bulk(self, job_id: str) -> Job:
        """Return the job; NotFound when there is none, Conflict when it is no bulk prediction."""
        job = self._jobs.get(job_id)
        if job.kind != KIND:
            raise Conflict(f"Only a bulk prediction has rows; what this job came to is in /api/jobs/{job_id}.")
        return job

    def _take(self, members: Iterable[Member]) -> list[StoredUpload]:
        """Store the files, a few at a time; what is in memory at once is one of them."""
        taken: list[StoredUpload] = []
        for group in batched(members, STORED):
            taken += self._files.compute_and_store(partial(iter, group), self._store_all)
        return taken

    def _store_all(self, members: Iterable[Member]) -> list[StoredUpload]:
        return [self._store(member) for member in members]

    def _store(self, member: Member) -> StoredUpload:
        entry, name = member.read_image(self._max_file_bytes), shortened(member.path, MAX_NAME)
        return (
            StoredUpload(name, None, entry.reason)
            if entry.data is None
            else StoredUpload(name, self._files.put(entry.data), None)
        )

    def _add(self, job_id: str, part: Part) -> None:
        """Add the files behind those that are there, and cut the job into chunks when they are the last."""
        waits = (Job.id == job_id) & (Job.status == "queued") & (Job.stage == RECEIVING)
        grown = update(Job).where(waits).values(total=Job.total + len(part.files), heartbeat_at=now())
        row = db.session.execute(grown.returning(Job.total, Job.params), execution_options=UNSYNCHRONIZED).first()
        if row is None:
            raise Conflict(f"Job {job_id} takes no more images, it has been started or has ended; make a new one.")
        total, params = row
        if total > MAX_IMAGES:
            raise TooLarge(f"A job takes at most {MAX_IMAGES} images; make another one for the rest.")
        rows = [
            {"job_id": job_id, "position": position, "filename": file.name, "sha256": file.sha256, "error": file.reason}
            for position, file in enumerate(part.files, start=total - len(part.files))
        ]
        if rows:
            db.session.execute(insert(JobItem), rows)
        if part.ignored:  # the row is this transaction's own by now
            change(job_id, "queued", params=params | {"ignored": params.get("ignored", 0) + part.ignored})
        if not part.more:
            self._chunks.cut(job_id, total)
            change(job_id, "queued", stage="waiting", heartbeat_at=None)
            note(job_id, "queued", f"Complete with {total} images.")
            self._jobs.enqueue(job_id)

    def _answer_all(self, chunk: Chunk) -> None:
        """Answer the chunk's images, in groups; one by one where a worker has died before, to find the culprit."""
        job = self._jobs.get(chunk.job_id)
        asked = PredictionRequest(b"", job.classifier, str(job.params["model_version"]), job_id=job.id)
        most = 1 if chunk.tried_before else ANSWERED
        answers: list[dict[str, Any]] = []
        logged: list[dict[str, Any]] = []
        items = self._chunks.items(chunk)
        release_connection()  # nothing is held while images are computed
        began = time.monotonic()
        for item in items:
            answers.append(self._answer(item, asked, logged))
            if len(answers) >= most or time.monotonic() - began > ANSWERED_SECONDS:
                self._record(chunk, answers, logged)
                began = time.monotonic()
        if answers:
            self._record(chunk, answers, logged)

    def _record(self, chunk: Chunk, answers: list[dict[str, Any]], logged: list[dict[str, Any]]) -> None:
        """Write answers and their log in one transaction; empty both lists."""
        with transaction():
            if logged:
                self._predict.log(logged)
            db.session.execute(_ANSWERED, answers)
            self._chunks.record(chunk, len(answers))
        answers.clear()
        logged.clear()

    def _answer(self, item: Item, asked: PredictionRequest, logged: list[dict[str, Any]]) -> dict[str, Any]:
        """Answer one image; what is wrong with it is its answer. What is wrong with the machine is raised."""
        item_id, filename, sha256 = item
        answer: dict[str, Any] = {"item": item_id, "prediction": None, "reason": None}
        try:
            row = self._predict.answer(replace(asked, data=self._files.read(sha256), filename=filename))
        except (OSError, SQLAlchemyError, Unavailable):
            raise
        except FoveaError as error:
            return answer | {"reason": str(error)[:500]}
        except Exception as error:
            log.exception("Image %s of job %s", filename, asked.job_id)
            return answer | {"reason": f"It broke unexpectedly: {type(error).__name__}: {error}"[:500]}
        logged.append(row)
        return answer | {"prediction": row["id"]}

    def _end(self, job_id: str) -> None:
        """End the job, all of whose images have their answer."""
        job = self._jobs.get(job_id)
        failed = (JobItem.job_id == job_id) & JobItem.error.is_not(None)
        query = select(JobItem.filename, JobItem.error).where(failed).order_by(JobItem.position).limit(MAX_ERRORS)
        errors = [{"file": file, "reason": reason} for file, reason in db.session.execute(query)]
        result = {
            "images": job.total,
            "ignored": job.params.get("ignored", 0),
            "failed": db.session.scalar(select(func.count()).where(failed)),
            "seconds": round((now() - (job.started_at or now())).total_seconds(), 2),
            "classes": _classes(job_id),
            "results_url": f"/api/jobs/{job_id}/results",
        }
        move(
            job_id, "running", "succeeded", f"All {job.total} images have their answer.", stage="done", percent=100.0,
            done=job.total, errors=errors, result=result,
        )  # fmt: skip


_ITEMS: Final = JobItem.__table__
assert isinstance(_ITEMS, Table)  # noqa: S101 - for the type checker
_ANSWERED: Final = (
    update(_ITEMS)
    .where(_ITEMS.c.id == bindparam("item"), _ITEMS.c.prediction_id.is_(None), _ITEMS.c.error.is_(None))
    .values(prediction_id=bindparam("prediction"), error=bindparam("reason"))
)


def _asked(subject: str, part: Part) -> str:
    """Say all that a call asked for, whatever the order in which its fields came."""
    files = hashlib.sha256("\n".join(f"{file.name}\0{file.sha256 or file.reason}" for file in part.files).encode())
    return f"{KIND} {subject} {part.more} {files.hexdigest()}"


def _check_useful(taken: Sequence[StoredUpload]) -> None:
    """InvalidInput when no file can be used."""
    if any(file.sha256 for file in taken):
        return
    if not taken:
        raise InvalidInput("No image was sent; send 'files', repeated, or a zip archive of images.")
    raise nothing_usable([{"file": file.name, "reason": file.reason or ""} for file in taken])


def _classes(job_id: str) -> dict[str, int]:
    query = select(Prediction.predicted_class, func.count()).where(Prediction.job_id == job_id)
    rows = db.session.execute(query.group_by(Prediction.predicted_class)).all()
    return {row[0]: row[1] for row in rows}
