"""Bulk prediction: many images accepted at once, answered by a worker, each exactly once."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from sqlalchemy import func, select

from app.classifiers.catalog import Catalog
from app.errors import FoveaError, InvalidInput
from app.services.archive import Upload, entries
from app.services.jobs import Jobs
from app.services.predict import Predict
from app.store.db import db, new_id
from app.store.files import Files
from app.store.tables import Job, JobItem, Prediction

KIND: Final = "bulk_predict"
REPORT_SECONDS: Final = 0.5
MAX_ERRORS: Final = 1000


class Batch:
    """The bulk prediction use case."""

    def __init__(self, catalog: Catalog, files: Files, jobs: Jobs, predict: Predict, max_file_bytes: int) -> None:
        self._catalog = catalog
        self._files = files
        self._jobs = jobs
        self._predict = predict
        self._max_file_bytes = max_file_bytes

    def submit(self, classifier: str, uploads: Iterable[Upload]) -> Job:
        """Store the images, queue the job. InvalidInput when there is nothing to answer or no model to ask."""
        self._catalog[classifier]
        version = self._predict.version(classifier)
        job = Job(id=new_id(), kind=KIND, classifier=classifier, params={"model_version": version}, errors=[])
        items: list[JobItem] = []
        for entry in entries(uploads, self._max_file_bytes):
            name = entry.path[-255:]
            if entry.data is None:
                job.errors.append({"file": name, "reason": entry.reason})
            else:
                sha256 = self._files.put(entry.data)
                items.append(JobItem(job_id=job.id, position=len(items), filename=name, sha256=sha256))
        if not items:
            raise InvalidInput(_nothing(job.errors))
        job.total = len(items)
        job.params["rejected"] = job.errors
        db.session.add(job)
        db.session.flush()
        db.session.add_all(items)
        return self._jobs.submit(job)

    def run(self, job: Job) -> dict[str, Any]:
        """Answer every image that has no answer yet; a bad one becomes an error, never a failed job."""
        started, reported = time.monotonic(), 0.0
        waiting = self._waiting(job.id)
        total = self._count(job.id)
        done = total - len(waiting)
        for item_id in waiting:
            self._answer(job, item_id)
            done += 1
            if time.monotonic() - reported > REPORT_SECONDS:
                reported = time.monotonic()
                self._jobs.progress(job, "predicting", done, total, 100 * done / max(total, 1))
        errors = self._errors(job.id)
        job = self._jobs.get(job.id)
        job.done, job.total = total, total
        job.errors = [*job.params.get("rejected", []), *errors][:MAX_ERRORS]
        db.session.commit()
        return {
            "images": total,
            "failed": len(errors),
            "seconds": round(time.monotonic() - started, 2),
            "classes": self._classes(job.id),
            "results_url": f"/api/jobs/{job.id}/results",
        }

    def results(self, job_id: str) -> Iterator[dict[str, Any]]:
        """Yield a row per image, in the order of submission: the file, then its answer or its error."""
        self._jobs.get(job_id)
        query = (
            select(JobItem.filename, JobItem.error, Prediction.body)
            .outerjoin(Prediction, Prediction.id == JobItem.prediction_id)
            .where(JobItem.job_id == job_id)
            .order_by(JobItem.position)
        )
        for filename, error, body in db.session.execute(query):
            yield {"file": filename, "error": error, **(body or {})}

    def _answer(self, job: Job, item_id: int) -> None:
        """Answer one image; its prediction and its item are committed together, so a kill repeats or skips none."""
        item = db.session.get_one(JobItem, item_id)
        try:
            body = self._predict.predict(
                self._files.read(item.sha256), job.classifier, version=str(job.params["model_version"]),
                filename=item.filename, job_id=job.id,
            )  # fmt: skip
            item.prediction_id = body["id"]
        except FoveaError as error:
            item.error = str(error)[:500]
        db.session.commit()

    def _waiting(self, job_id: str) -> Sequence[int]:
        query = select(JobItem.id).where(
            JobItem.job_id == job_id, JobItem.prediction_id.is_(None), JobItem.error.is_(None)
        )
        return db.session.scalars(query.order_by(JobItem.position)).all()

    def _count(self, job_id: str) -> int:
        return db.session.scalars(select(func.count()).where(JobItem.job_id == job_id)).one()

    def _errors(self, job_id: str) -> list[dict[str, Any]]:
        query = select(JobItem.filename, JobItem.error).where(JobItem.job_id == job_id, JobItem.error.is_not(None))
        return [{"file": file, "reason": reason} for file, reason in db.session.execute(query)]

    def _classes(self, job_id: str) -> dict[str, int]:
        query = select(Prediction.predicted_class, func.count()).where(Prediction.job_id == job_id)
        rows = db.session.execute(query.group_by(Prediction.predicted_class)).all()
        return {row[0]: row[1] for row in rows}


def _nothing(errors: list[dict[str, str]]) -> str:
    if not errors:
        return "No image was sent; send 'files', repeated, or a zip archive of images."
    name, reason = PurePosixPath(errors[0]["file"]).name, errors[0]["reason"]
    return f"None of the {len(errors)} files can be used; the first, {name}: {reason}."
