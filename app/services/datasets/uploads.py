"""A labelled upload as a job: what was received is stored first, and taken into the dataset by a worker."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple

from sqlalchemy import delete, exists, insert, or_, select

from app.runners import Run
from app.services.datasets.archive import Member, Upload, members
from app.services.datasets.intake import Intake, Origin, known_split, refuse_if_useless
from app.services.jobs.costs import default
from app.services.jobs.jobs import Jobs
from app.services.jobs.reporting import Reporter
from app.services.jobs.request_keys import once
from app.store.db import UNSYNCHRONIZED, db, new_id
from app.store.files import Files
from app.store.tables import Image, Job, JobItem, Prediction
from app.store.transaction import transaction

KIND: Final = "upload"
NAME: Final = 255  # characters of a file's name that are kept


class _Received(NamedTuple):
    """A file as it was sent: its name, and the hash under which it is stored."""

    name: str
    sha256: str


class Uploads:
    """Uploads that a worker takes in. `instance` is where a worker keeps copies from a shared storage meanwhile."""

    def __init__(self, intake: Intake, files: Files, jobs: Jobs, instance: Path, run_cpu_bound: Run) -> None:
        self._intake = intake
        self._files = files
        self._jobs = jobs
        self._instance = instance
        self._run_cpu_bound = run_cpu_bound

    def submit(self, classifier: str, uploads: Iterable[Upload], origin: Origin, key: str | None = None) -> Job:
        """Store the files as they are and queue the job; the same `key` with the same files gives the same job.

        Raises at once what is wrong with the call, as `Intake.upload` does.
        """
        spec, label = self._intake.check(classifier, origin)
        sent = list(uploads)
        images = len(self._run_cpu_bound(lambda: members(sent)))
        received = [self._received(upload) for upload in sent]
        params = {"label": label, "split": origin.split, "files": len(received), "images": images}
        job = Job(id=new_id(), kind=KIND, classifier=spec.name, params=params)
        files = hashlib.sha256("\n".join(f"{each.name}\0{each.sha256}" for each in received).encode()).hexdigest()
        asked = f"{KIND} {classifier} {label} {origin.split} {files}"
        return self._jobs.get(once(key, asked, job.id, lambda: self._store(job, received)))

    def work(self, job_id: str) -> None:
        """Do a job, and remove what it received once it has succeeded; until then a retry needs it."""
        self._jobs.run(job_id, self._run)
        if self._jobs.get(job_id).status == "succeeded":
            self._clear(self._jobs.get(job_id))

    def _run(self, job: Job) -> dict[str, Any]:
        """Take the files of a job into the dataset; one that was cut off goes on. The result is that of `upload`."""
        report = Reporter(self._jobs, job, default(job, job.params["images"]))
        origin = Origin("upload", job.params["label"], known_split(job.params["split"]), since=job.created_at)
        received = _files(job.id)
        with ExitStack() as opened:
            paths = self._files.bring([each.sha256 for each in received], self._folder(job), lambda _: None)
            found = [
                member
                for each, path in zip(received, paths, strict=True)
                for member in _members(each.name, path, opened)
            ]
            taken = self._intake.receive(job.classifier, found, origin, report)
        refuse_if_useless(taken)
        report.finish()
        return asdict(taken)

    def _folder(self, job: Job) -> Path:
        return self._instance / "runs" / job.id

    def _received(self, upload: Upload) -> _Received:
        upload.stream.seek(0)
        return _Received(upload.filename[-NAME:], self._files.put_stream(upload.stream))

    def _store(self, job: Job, received: Sequence[_Received]) -> None:
        """Add the job with a row for each file, which keeps the file as long as the job is not done."""
        self._jobs.create(job)
        rows = [
            {"job_id": job.id, "position": position, "filename": each.name, "sha256": each.sha256}
            for position, each in enumerate(received)
        ]
        db.session.execute(insert(JobItem), rows)
        self._jobs.enqueue(job.id)

    def _clear(self, job: Job) -> None:
        """Remove what was received, but for what anything else refers to, as the dataset does to its images."""
        received = _files(job.id)
        with transaction():
            db.session.execute(delete(JobItem).where(JobItem.job_id == job.id), execution_options=UNSYNCHRONIZED)
        for _, sha256 in received:
            used = or_(*(exists().where(table.sha256 == sha256) for table in (Image, JobItem, Prediction)))
            if not db.session.scalar(select(used)):
                self._files.remove(sha256, job.created_at)
        shutil.rmtree(self._folder(job), ignore_errors=True)


def _files(job_id: str) -> list[_Received]:
    query = select(JobItem.filename, JobItem.sha256).where(JobItem.job_id == job_id).order_by(JobItem.position)
    return [_Received(name, str(sha256)) for name, sha256 in db.session.execute(query)]


def _members(name: str, path: Path, opened: ExitStack) -> list[Member]:
    """The files that were sent in one; an archive is opened for as long as `opened` is."""
    if name.lower().endswith(".zip"):
        return members([Upload(name, opened.enter_context(path.open("rb")))])
    return [Member(PurePosixPath(name).name, 0, lambda: path.open("rb"))]
