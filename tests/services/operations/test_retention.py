from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import BytesIO

import pytest
from conftest import ON_BOTH, work_through
from sqlalchemy import func, insert, select

from app.classifiers.catalog import Catalog
from app.config import Settings
from app.drawing import draw
from app.errors import NotFound
from app.runners import run_here
from app.services.bulk.batch import STORED
from app.services.datasets.archive import Found, Member, Upload, members
from app.services.datasets.duplicates import Duplicates
from app.services.datasets.versions import DatasetVersions
from app.services.operations.retention import CHUNK, Pruned, Retention
from app.services.wiring import Services
from app.store.db import db, new_id, now
from app.store.files import Files
from app.store.tables import Image, Job, JobItem, Prediction, RemovedImage
from app.training.progress import silent

pytestmark = ON_BOTH
BYTES = 600_000
CAT = draw("cat_face", 1, 64).jpeg()
Prune = Callable[..., Pruned]


@pytest.fixture
def files(services: Services) -> Files:
    return services.files


@pytest.fixture
def prune(settings: Settings, files: Files) -> Prune:
    """Prune by the rules given."""

    def run(dry_run: bool = False, **rules: int) -> Pruned:
        return Retention(settings.model_copy(update=rules), files).prune(dry_run)

    return run


def store(files: Files, size: int = BYTES) -> str:
    """Store new bytes, as if two hours ago."""
    sha256 = files.put(os.urandom(size))
    os.utime(files.place(sha256), (time.time() - 7200,) * 2)
    return sha256


def predicted(files: Files, days: float, sha256: str | None = None, job: Job | None = None) -> str:
    """Log a prediction made so many days ago; return its image."""
    row = Prediction(
        classifier="cat_dog", model_version=1, sha256=sha256 or store(files), predicted_class="cat", confidence=1.0,
        decision="accept", measures={}, body={}, duration_ms=1.0, created_at=now() - timedelta(days=days),
        job_id=job and job.id, id=new_id(),
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    if job is not None:
        db.session.add(JobItem(job_id=job.id, position=0, filename="a.jpg", sha256=row.sha256, prediction_id=row.id))
    db.session.commit()
    return row.sha256


def a_job(status: str, days: float) -> Job:
    job = Job(id=new_id(), kind="bulk_predict", classifier="cat_dog", status=status)
    job.created_at = now() - timedelta(days=days)
    db.session.add(job)
    db.session.commit()
    return job


def count(table: type[object]) -> int:
    return db.session.scalars(select(func.count()).select_from(table)).one()


def is_there(files: Files, sha256: str) -> bool:
    try:
        return bool(files.read(sha256))
    except NotFound:
        return False


def test_nothing_goes_unless_a_rule_says_so(files: Files, prune: Prune) -> None:
    sha256, orphan = predicted(files, 10_000), store(files)
    assert prune() == Pruned()
    assert is_there(files, sha256)
    assert is_there(files, orphan)


def test_predictions_go_by_age_with_the_images_that_nothing_else_needs(files: Files, prune: Prune) -> None:
    old, new = predicted(files, 31), predicted(files, 29)
    shared = predicted(files, 40)
    predicted(files, 1, shared)
    thumbnail = files.derived(old, "thumbnail", lambda _: b"small")
    assert thumbnail == b"small"
    expected = Pruned(predictions=2, images=1, bytes=BYTES)
    assert prune(dry_run=True, retain_predictions_days=30) == expected
    assert count(Prediction) == 4
    assert is_there(files, old)
    assert prune(retain_predictions_days=30) == expected
    assert [is_there(files, each) for each in (old, new, shared)] == [False, True, True]
    assert not list(files.root.glob(f"derived/*/*/{old}"))
    assert prune(retain_predictions_days=30) == Pruned()


def test_predictions_and_jobs_go_by_number_the_oldest_first(files: Files, prune: Prune) -> None:
    images = [predicted(files, days) for days in range(5)]
    jobs = [a_job("succeeded", days).id for days in range(5)]
    pruned = prune(retain_predictions_count=3, retain_jobs_count=2)
    assert (pruned.predictions, pruned.jobs) == (2, 3)
    assert [is_there(files, each) for each in images] == [True, True, True, False, False]
    assert set(db.session.scalars(select(Job.id))) == set(jobs[:2])


def test_images_go_by_age_and_their_predictions_stay(files: Files, prune: Prune) -> None:
    old, new = predicted(files, 8), predicted(files, 6)
    used_again = predicted(files, 20)
    predicted(files, 2, used_again)
    assert prune(retain_images_days=7).images == 1
    assert [is_there(files, each) for each in (old, new, used_again)] == [False, True, True]
    assert count(Prediction) == 4


def test_images_go_by_size_the_longest_unused_first(files: Files, prune: Prune) -> None:
    images = [predicted(files, days) for days in (3, 1, 2)]
    assert prune(retain_images_mb=2) == Pruned()
    assert prune(retain_images_mb=1) == Pruned(images=2, bytes=2 * BYTES)
    assert [is_there(files, each) for each in images] == [False, True, False]


def test_datasets_their_versions_and_work_at_hand_are_never_touched(
    files: Files, services: Services, prune: Prune
) -> None:
    services.datasets.synth("cat_dog", 20, 0, silent)
    versions = DatasetVersions(Catalog(None), files, Duplicates(files), run_here)
    versions.freeze("cat_dog", silent)
    dataset = list(db.session.scalars(select(Image.sha256)))
    for image in db.session.scalars(select(Image).limit(5)):  # left the dataset, not the version
        db.session.delete(image)
    for sha256 in dataset:
        os.utime(files.place(sha256), (0, 0))
        predicted(files, 900, sha256)
    waiting = store(files)
    running = a_job("running", 900)
    db.session.add(JobItem(job_id=running.id, position=1, filename="b.jpg", sha256=waiting))
    at_work = predicted(files, 900, job=running)
    pruned = prune(
        retain_predictions_days=1, retain_predictions_count=1, retain_images_days=1, retain_images_mb=1,
        retain_jobs_days=1, retain_jobs_count=1,
    )  # fmt: skip
    assert pruned == Pruned(predictions=len(dataset))
    assert all(is_there(files, each) for each in (*dataset, waiting, at_work))
    assert (count(Job), count(JobItem), count(Prediction)) == (1, 2, 1)


def test_an_ended_job_goes_with_its_items_and_leaves_the_log(files: Files, prune: Prune) -> None:
    image = predicted(files, 40, job=a_job("succeeded", 40))
    assert prune(retain_jobs_days=30) == Pruned(jobs=1)
    assert (count(Job), count(JobItem), count(Prediction)) == (0, 0, 1)
    assert is_there(files, image)


def test_a_prediction_goes_with_its_place_in_an_ended_job(files: Files, prune: Prune) -> None:
    predicted(files, 40, job=a_job("failed", 1))
    assert prune(retain_predictions_days=30).predictions == 1
    assert (count(Job), count(JobItem), count(Prediction)) == (1, 0, 0)


def test_an_image_without_a_row_has_an_hour(files: Files, prune: Prune) -> None:
    fresh, again, left = files.put(b"fresh"), store(files), store(files)
    assert files.put(files.read(again)) == again  # somebody is about to refer to it
    assert prune(retain_jobs_days=1) == Pruned(images=1, bytes=BYTES)
    assert [is_there(files, each) for each in (fresh, again, left)] == [True, True, False]
    assert not files.remove(fresh, now() - timedelta(hours=1))
    assert is_there(files, fresh)


def test_a_submission_that_takes_hours_loses_no_image(files: Files, services: Services, prune: Prune) -> None:
    left = store(files)

    def slow() -> Iterator[Member]:
        for seed in range(STORED + 1):
            yield from members([Upload(f"{seed}.jpg", BytesIO(CAT + bytes([seed])))]).members
        receiving = db.session.scalars(select(Job)).one()
        receiving.created_at = now() - timedelta(hours=3)
        db.session.commit()
        for image in list(files.stored()):
            os.utime(files.place(image.sha256), (time.time() - 7200,) * 2)
        os.utime(files.place(left), (time.time() - 4 * 3600,) * 2)
        assert prune(retain_jobs_days=1).images == 1

    job = work_through(services, services.batch.submit("cat_dog", Found(slow())).id)
    assert (job.status, job.result and job.result["failed"]) == ("succeeded", 0)
    assert not is_there(files, left)


def test_many_rows_go_in_portions(files: Files, prune: Prune) -> None:
    sha256, rows = store(files, 10), CHUNK * 2 + 1
    body = {"classifier": "cat_dog", "model_version": 1, "sha256": sha256, "predicted_class": "cat", "confidence": 1.0,
            "decision": "accept", "measures": {}, "body": {}, "duration_ms": 1.0}  # fmt: skip
    db.session.execute(insert(Prediction), [body | {"created_at": now() - timedelta(days=9)}] * rows)
    db.session.commit()
    assert prune(retain_predictions_days=7) == Pruned(predictions=rows, images=1, bytes=10)
    assert count(Prediction) == 0


def test_a_removed_image_can_be_brought_back_until_its_days_are_over(
    files: Files, services: Services, prune: Prune
) -> None:
    services.datasets.synth("cat_dog", 3, 0, silent)
    hashes = list(db.session.scalars(select(Image.sha256)))
    services.curation.remove("cat_dog", hashes[:1])
    services.curation.remove("cat_dog", hashes[1:2])
    for sha256 in hashes:
        os.utime(files.place(sha256), (0, 0))
    gone = db.session.get(RemovedImage, ("cat_dog", hashes[0]))
    assert gone is not None
    gone.removed_at = now() - timedelta(days=8)
    db.session.commit()
    assert prune(retain_images_days=7).images == 1
    assert [is_there(files, each) for each in hashes] == [False, True, True]
    assert services.changes.undo("cat_dog").changed == [hashes[1]]
