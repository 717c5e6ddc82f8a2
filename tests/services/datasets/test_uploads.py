"""Labelled uploads as jobs: what comes of them is what a call that waits answers."""

from __future__ import annotations

import io
import zipfile
from dataclasses import asdict
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.drawing import draw
from app.errors import Cancelled, Conflict, InvalidInput
from app.services.datasets.archive import Upload
from app.services.datasets.intake import Origin
from app.services.jobs.jobs import Jobs
from app.services.operations.retention import Retention
from app.services.wiring import Services
from app.store.db import db, now
from app.store.tables import Image, Job, JobItem

NAME = "cat_dog"
ORIGIN = Origin("upload")


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    drawn = {f"{name}/{n}.jpg": draw(f"{name}_face", n, 64).jpeg() for name in ("cat", "dog") for n in range(4)}
    return drawn | {"cat/again.jpg": drawn["cat/0.jpg"], "cat/bad.jpg": b"text", "loose.jpg": drawn["dog/1.jpg"]}


def archive(files: dict[str, bytes], name: str = "pets.zip") -> Upload:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for path, data in files.items():
            packed.writestr(zipfile.ZipInfo(path), data)
    return Upload(name, stream)


def stored(services: Services) -> set[str]:
    return {each.sha256 for each in services.files.stored()}


def images() -> set[str]:
    return set(db.session.scalars(select(Image.sha256)))


def test_the_result_is_what_a_call_that_waits_answers(services: Services, files: dict[str, bytes]) -> None:
    job = services.uploads.submit(NAME, [archive(files)], ORIGIN)
    assert images() == set()
    assert len(stored(services)) == 1
    services.uploads.work(job.id)
    job = services.jobs.get(job.id)
    assert (job.status, job.percent) == ("succeeded", 100.0)
    assert job.done == job.total > 0
    done = dict(job.result or {})
    assert (done["accepted"], done["duplicates"]) == (8, 1)
    assert stored(services) == images()  # the archive is gone
    for row in db.session.scalars(select(Image)).all():
        db.session.delete(row)
    db.session.commit()
    assert asdict(services.intake.upload(NAME, [archive(files)])) == done


def test_single_files_and_a_label_work_too(services: Services, files: dict[str, bytes]) -> None:
    sent = [Upload(f"{n}.jpg", io.BytesIO(files[f"cat/{n}.jpg"])) for n in range(3)]
    job = services.uploads.submit(NAME, sent, Origin("upload", "cat", "test"))
    services.uploads.work(job.id)
    result = services.jobs.get(job.id).result
    assert result is not None
    assert (result["accepted"], result["counts"]) == (3, {"test": {"cat": 3}})
    assert stored(services) == images()


def test_a_run_that_was_cut_off_goes_on_and_counts_all(
    services: Services, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = services.uploads.submit(NAME, [archive(files)], ORIGIN).id
    told = iter(range(4))

    def die(*_: object) -> None:
        if next(told, None) is None:
            raise Cancelled("The job is no longer this worker's.")

    with monkeypatch.context() as patched:
        patched.setattr(Jobs, "progress", die)
        patched.setattr("app.services.jobs.reporting.REPORT_SECONDS", -1)
        services.uploads.work(job_id)
    assert services.jobs.get(job_id).status == "cancelled"
    assert 0 < len(images()) < 8
    services.jobs.retry(job_id)
    services.uploads.work(job_id)
    result = services.jobs.get(job_id).result
    assert result is not None
    assert (result["accepted"], result["duplicates"]) == (8, 1)


def test_what_was_received_stays_until_the_job_has_run(services: Services, files: dict[str, bytes]) -> None:
    job_id = services.uploads.submit(NAME, [archive(files)], ORIGIN).id
    long_ago = now() - timedelta(days=30)
    db.session.execute(update(Job).values(created_at=long_ago))
    db.session.commit()
    Retention(services.settings.model_copy(update={"retain_images_days": 1}), services.files).prune()
    assert len(stored(services)) == 1
    services.uploads.work(job_id)
    assert services.jobs.get(job_id).status == "succeeded"
    assert db.session.scalars(select(JobItem)).all() == []


def test_what_cannot_be_used_is_said_at_once_or_by_the_job(services: Services) -> None:
    with pytest.raises(InvalidInput, match="is not a zip archive"):
        services.uploads.submit(NAME, [Upload("pets.zip", io.BytesIO(b"text"))], ORIGIN)
    with pytest.raises(InvalidInput, match="zebra"):
        services.uploads.submit(NAME, [archive({"1.jpg": b"text"})], Origin("upload", "zebra"))
    assert services.jobs.list() == []
    job_id = services.uploads.submit(NAME, [archive({"cat/1.jpg": b"text"})], ORIGIN).id
    services.uploads.work(job_id)
    job = services.jobs.get(job_id)
    assert job.status == "failed"
    assert "Nothing could be used. cat/1.jpg" in job.errors[0]["reason"]


def test_the_same_key_gives_the_same_job(services: Services, files: dict[str, bytes]) -> None:
    first = services.uploads.submit(NAME, [archive(files)], ORIGIN, "a-key").id
    assert services.uploads.submit(NAME, [archive(files)], ORIGIN, "a-key").id == first
    with pytest.raises(Conflict):
        services.uploads.submit(NAME, [archive(files)], Origin("upload", split="test"), "a-key")
