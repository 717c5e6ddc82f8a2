"""Labelled uploads: what one would be read as, by names and tables alone; and one as a job that a worker does."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import delete, exists, insert, or_, select

from app.classifiers.catalog import Catalog
from app.classifiers.labels import known_label
from app.classifiers.spec import ClassifierSpec, Split
from app.errors import InvalidInput
from app.paths import is_system_file, relative_path, shortened
from app.runners import Run
from app.services.datasets.archive import Found, Member, Upload, is_archive, members
from app.services.datasets.intake import UNSPLIT, Intake, Origin, known_split, refuse_if_useless
from app.services.jobs.costs import default
from app.services.jobs.jobs import Jobs
from app.services.jobs.reporting import Reporter
from app.services.jobs.request_keys import once
from app.store.db import UNSYNCHRONIZED, db, new_id
from app.store.files import Files
from app.store.tables import Image, Job, JobItem, Prediction
from app.store.transaction import transaction
from app.training.data.datasets import Reading, interpret

KIND: Final = "upload"
NAME: Final = 255  # characters of a file's path that are kept
MAX_NAMES: Final = 50_000  # of a preview


@dataclass(frozen=True)
class Announced:
    """An upload that is to come: its files' names, its tables' texts by name; perhaps a label and a split for all."""

    files: Sequence[str]
    tables: Mapping[str, str]
    label: str | None = None
    split: str | None = None


class Preview:
    """The use case of looking at an upload before it is sent."""

    def __init__(self, catalog: Catalog, run_cpu_bound: Run) -> None:
        self._catalog = catalog
        self._run_cpu_bound = run_cpu_bound

    def read(self, classifier: str, announced: Announced) -> dict[str, Any]:
        """Return what each file would be read as, by the code that takes files in; and counts.

        InvalidInput for a label or split that there is not, and for a table that cannot be read or has no text here.
        """
        spec = self._catalog[classifier]
        label = None if announced.label is None else known_label(spec, announced.label)
        split = known_split(announced.split)
        return self._run_cpu_bound(lambda: _read(spec, announced, label, split))


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
        images = len(list(self._run_cpu_bound(lambda: members(sent)).members))
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
            listed = [_listed(each.name, path, opened) for each, path in zip(received, paths, strict=True)]
            found = Found([member for each in listed for member in each.members], sum(each.ignored for each in listed))
            taken = self._intake.receive(job.classifier, found, origin, report)
        refuse_if_useless(taken)
        report.finish()
        return asdict(taken)

    def _folder(self, job: Job) -> Path:
        return self._instance / "runs" / job.id

    def _received(self, upload: Upload) -> _Received:
        upload.stream.seek(0)
        return _Received(shortened(relative_path(upload.filename), NAME), self._files.put_stream(upload.stream))

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


def _listed(name: str, path: Path, opened: ExitStack) -> Found:
    """The files that were sent in one; an archive is opened for as long as `opened` is."""
    if is_archive(name):
        return members([Upload(name, opened.enter_context(path.open("rb")))])
    return Found.of([Member(relative_path(name), path.stat().st_size, lambda: path.open("rb"))])


def _read(spec: ClassifierSpec, announced: Announced, label: str | None, split: Split | None) -> dict[str, Any]:
    sent = _by_path([*announced.files, *sorted(announced.tables.keys() - set(announced.files))])
    ignored = [path for path in sent if is_system_file(path)]
    kept = [path for path in sent if not is_system_file(path)]
    archives = [path for path in kept if is_archive(path)]
    texts = {relative_path(name): text for name, text in announced.tables.items()}
    reading = interpret([path for path in kept if not is_archive(path)], partial(_table, texts), spec, label)
    return {
        "classifier": spec.name,
        "convention": spec.data.convention,
        **_told(reading, sent, split),
        "tables": _names(sent, reading.tables),
        "archives": _names(sent, archives),
        "ignored": _names(sent, ignored),
    }


def _told(reading: Reading, sent: Mapping[str, Sequence[str]], split: Split | None) -> dict[str, Any]:
    """Return the images and the refused files by the names that they were sent under, and counts of both."""
    images = [
        {"file": name, "label": each.label, "split": split or each.split, "told_by": each.told_by}
        for each in reading.entries
        for name in sent[each.name]
    ]
    rejected = [
        {"file": name, "kind": each.kind, "reason": each.reason}
        for each in reading.refusals
        for name in sent[each.name]
    ]
    counts: dict[str, Counter[str]] = {}
    for entry in reading.entries:
        counts.setdefault(split or entry.split or UNSPLIT, Counter())[entry.label] += len(sent[entry.name])
    return {
        "images": images,
        "rejected": rejected,
        "counts": counts,
        "told_by": Counter(each["told_by"] for each in images),
        "kinds": Counter(each["kind"] for each in rejected),
    }


def _by_path(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the names as they were sent by the path that they mean."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(relative_path(name), []).append(name)
    return found


def _names(sent: Mapping[str, Sequence[str]], paths: Iterable[str]) -> list[str]:
    return [name for path in paths for name in sent[path]]


def _table(texts: Mapping[str, str], path: str) -> bytes:
    if path not in texts:
        raise InvalidInput(f"The text of the table {path} is missing; send it in 'tables', under its name.")
    return texts[path].encode(errors="replace")
