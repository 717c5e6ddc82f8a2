from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bulk_steps import CHUNKS, NAME, photographs, predicted_files, sent, upload, work_once
from conftest import work_through
from sqlalchemy import func, select

from app.config import Settings
from app.errors import Conflict, InvalidInput, NotFound, TooLarge
from app.factory import create_core
from app.runners import Runners
from app.services import wiring
from app.services.bulk import batch
from app.services.datasets.archive import Upload
from app.services.jobs.jobs import RECEIVE
from app.services.jobs.transitions import events
from app.services.wiring import Services
from app.store.db import db, now
from app.store.tables import Job, JobChunk


def test_every_file_has_its_row_in_the_order_of_submission_and_a_bad_one_is_an_error(services: Services) -> None:
    uploads = [upload("text.jpg", b"not an image"), *photographs(2), upload("empty.png", b"")]
    job = services.batch.submit(NAME, sent(*uploads))
    assert (job.kind, job.status, job.stage, job.total) == ("bulk_predict", "queued", "waiting", 4)
    job = work_through(services, job.id)
    assert (job.status, job.done, job.total, job.percent) == ("succeeded", 4, 4, 100.0)
    assert [error["file"] for error in job.errors] == ["text.jpg", "empty.png"]
    assert job.result is not None
    assert (job.result["images"], job.result["failed"], sum(job.result["classes"].values())) == (4, 2, 2)
    rows = list(services.batch.results(job.id))
    assert [row["file"] for row in rows] == ["text.jpg", "cat-0.jpg", "cat-1.jpg", "empty.png"]
    assert [row["error"] is None for row in rows] == [False, True, True, False]
    assert {row["model_version"] for row in rows[1:3]} == {1}
    page = list(services.batch.results(job.id, offset=1, limit=2))
    assert [row["file"] for row in page] == ["cat-0.jpg", "cat-1.jpg"]
    assert list(services.batch.results(job.id, offset=4)) == []


def test_a_cancelled_job_ends_at_once_keeps_what_it_answered_and_a_retry_does_the_rest(
    services: Services, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "ANSWERED", 5)
    job_id = services.batch.submit(NAME, sent(*photographs(CHUNKS))).id
    computed = 0

    def offload(compute: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the work returns
        nonlocal computed
        computed += 1
        if computed == 7:
            assert services.jobs.cancel(job_id).status == "cancelled"
        return compute()

    work_once(settings, job_id, offload)
    db.session.expire_all()
    assert computed <= 10
    assert len(predicted_files(job_id)) == 5
    services.jobs.retry(job_id)
    job = work_through(services, job_id)
    assert (job.status, job.done) == ("succeeded", CHUNKS)
    assert sorted(map(str, predicted_files(job_id))) == sorted(f"cat-{seed}.jpg" for seed in range(CHUNKS))


def test_a_job_in_parts_waits_for_the_last_one(services: Services) -> None:
    job = services.batch.submit(NAME, sent(*photographs(2)), more=True)
    assert (job.status, job.stage, job.enqueued_at) == ("queued", "receiving", None)
    services.jobs.sweep()
    services.batch.work(job.id)
    assert services.jobs.get(job.id).stage == "receiving"
    services.batch.add(job.id, sent(upload("b.jpg", b"x"), *photographs(1)), more=True)
    job = services.batch.add(job.id, sent())
    assert (job.stage, job.total) == ("waiting", 4)
    with pytest.raises(Conflict, match="takes no more images"):
        services.batch.add(job.id, sent(*photographs(1)))
    job = work_through(services, job.id)
    assert (job.status, job.done, [error["file"] for error in job.errors]) == ("succeeded", 4, ["b.jpg"])


def test_a_job_whose_parts_stay_away_is_cancelled(services: Services) -> None:
    job = services.batch.submit(NAME, sent(*photographs(1)), more=True)
    services.jobs.sweep()
    assert services.jobs.get(job.id).status == "queued"
    job.heartbeat_at = now() - RECEIVE
    db.session.commit()
    services.jobs.sweep()
    assert services.jobs.get(job.id).status == "cancelled"


def test_a_job_takes_so_many_images_and_no_more(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "MAX_IMAGES", 3)
    job = services.batch.submit(NAME, sent(*photographs(2)), more=True)
    with pytest.raises(TooLarge, match="at most 3 images"):
        services.batch.add(job.id, sent(*photographs(2)), more=True, key="a part")
    job = services.batch.add(job.id, sent(*photographs(1)), key="a part")
    assert job.total == 3


def test_the_same_key_gives_the_same_job_and_other_files_with_it_are_refused(services: Services) -> None:
    first = services.batch.submit(NAME, sent(*photographs(2)), key="k").id
    assert services.batch.submit(NAME, sent(*photographs(2)), key="k").id == first
    assert services.batch.submit(NAME, sent(*photographs(2))).id != first
    with pytest.raises(Conflict, match="another request"):
        services.batch.submit(NAME, sent(*photographs(3)), key="k")
    with pytest.raises(InvalidInput, match="1 to 200 characters"):
        services.batch.submit(NAME, sent(*photographs(2)), key="k" * 201)
    part = services.batch.submit(NAME, sent(*photographs(1)), more=True, key="p1").id
    for _ in range(2):
        assert services.batch.add(part, sent(*photographs(2)), key="p2").total == 3
    assert db.session.scalar(select(func.count()).select_from(Job)) == 3
    assert db.session.scalar(select(func.count()).select_from(JobChunk)) == 3


@pytest.mark.parametrize(
    ("uploads", "sentence"),
    [
        ([], "No image was sent"),
        ([upload("empty.jpg", b"")], r"Nothing could be used. empty\.jpg: empty file\.$"),
        ([upload("good.jpg", b"good"), upload("eyes.zip", b"no archive")], "not a zip archive"),
    ],
)
def test_what_cannot_be_a_job_leaves_neither_row_nor_file(
    services: Services, uploads: list[Upload], sentence: str
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        services.batch.submit(NAME, sent(*uploads))
    db.session.rollback()
    assert services.jobs.list() == []
    assert list(services.settings.uploads_dir.rglob("*")) == []


def test_an_unknown_job_or_classifier_is_not_found(services: Services) -> None:
    with pytest.raises(NotFound, match="no classifier 'cats'"):
        services.batch.submit("cats", sent(*photographs(1)))
    with pytest.raises(NotFound, match="no job"):
        services.batch.results("x")
    with pytest.raises(NotFound, match="no job"):
        services.batch.add("x", sent(*photographs(1)))


def test_a_submission_that_comes_to_nothing_leaves_no_job(services: Services) -> None:
    with pytest.raises(InvalidInput):
        services.batch.submit(NAME, sent(upload("empty.png", b"")))
    first = services.batch.submit(NAME, sent(*photographs(1)), key="once")
    assert services.batch.submit(NAME, sent(*photographs(1)), key="once").id == first.id
    assert db.session.scalars(select(Job.id)).all() == [first.id]


def test_a_worker_that_cannot_pass_a_job_on_gives_its_chunk_back(services: Services, settings: Settings) -> None:
    job_id = services.batch.submit(NAME, sent(*photographs(CHUNKS))).id

    def refuse(_: Job) -> bool:
        raise OSError("The queue broke.")

    with create_core(settings).app_context():
        wiring.build(settings, wiring.Broker(refuse), Runners()).batch.work(job_id)
    db.session.expire_all()
    assert db.session.scalars(select(JobChunk).where(JobChunk.worker.is_not(None))).all() == []
    assert "The queue broke" in str(events(job_id))
