from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from conftest import ON_BOTH, Queue
from flask import Flask
from job_steps import STRANGER, change, dead_worker, fail, finish, submit

from app.errors import Cancelled, Conflict, InvalidInput, NotFound, Unavailable
from app.services.jobs.heartbeat import SILENCE
from app.services.jobs.jobs import MAX_ATTEMPTS, RESEND, JobProgress, Jobs
from app.services.jobs.reporting import eta_seconds
from app.services.jobs.transitions import ACTIVE, FINAL, estimated
from app.store.db import now
from app.store.tables import Job

pytestmark = ON_BOTH


def one_that_is(jobs: Jobs, status: str) -> str:
    """Return a job that has come to this state."""
    job_id = submit(jobs)
    if status == "running":
        jobs.claim(job_id)
    elif status == "cancelled":
        jobs.cancel(job_id)
    elif status != "queued":
        jobs.run(job_id, finish if status == "succeeded" else fail)
    assert jobs.get(job_id).status == status
    return job_id


def test_a_job_is_claimed_by_one_of_many_at_the_same_moment(app: Flask, jobs: Jobs) -> None:
    together = Barrier(8)

    def claim(job_id: str) -> bool:
        with app.app_context():
            together.wait()
            return jobs.claim(job_id) is not None

    with ThreadPoolExecutor(8) as pool:
        for _ in range(10):
            job_id = submit(jobs)
            assert sum(pool.map(claim, [job_id] * 8)) == 1
            assert jobs.get(job_id).attempts == 1


@pytest.mark.parametrize("status", [*FINAL, "running"])
def test_a_second_delivery_does_nothing(jobs: Jobs, status: str) -> None:
    job_id = one_that_is(jobs, status)
    jobs.run(job_id, lambda _: pytest.fail("The work was done again."))
    assert jobs.get(job_id).status == status


def test_work_that_ends_well_leaves_its_result(jobs: Jobs, queue: Queue) -> None:
    job_id = submit(jobs)
    assert queue.sent == [job_id]
    jobs.run(job_id, finish)
    job = jobs.get(job_id)
    assert (job.status, job.percent, job.result, job.stage) == ("succeeded", 100.0, {"worked": 1}, "done")
    assert job.started_at is not None
    assert job.finished_at is not None
    assert job.created_at <= job.started_at <= job.finished_at


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (InvalidInput("Too few images; add some."), "Too few images; add some."),
        (ZeroDivisionError("division by zero"), "It broke unexpectedly: ZeroDivisionError: division by zero"),
    ],
)
def test_work_that_fails_says_why(jobs: Jobs, error: Exception, sentence: str) -> None:
    def work(_: Job) -> dict[str, object]:
        raise error

    job_id = submit(jobs)
    jobs.run(job_id, work)
    job = jobs.get(job_id)
    assert (job.status, job.errors) == ("failed", [{"file": None, "reason": sentence}])
    assert job.finished_at is not None


def test_progress_is_kept_with_each_epoch_and_an_estimate(jobs: Jobs) -> None:
    job_id = submit(jobs)
    job = jobs.claim(job_id)
    assert job is not None
    jobs.progress(job, JobProgress("training", 1, 4, 25.0, {"epoch": 1, "loss": 0.7}))
    jobs.progress(job, JobProgress("training", 2, 4, 50.0, {"epoch": 2, "loss": 0.5}))
    jobs.progress(job, JobProgress("training", 4, 4, 100.0))
    job = jobs.get(job_id)
    assert [epoch["loss"] for epoch in job.history] == [0.7, 0.5]
    assert (job.stage, job.done, job.total, job.percent) == ("training", 4, 4, 99.9)  # 100 is for the end alone


def test_a_job_that_succeeded_has_done_all_that_there_was(jobs: Jobs) -> None:
    def work(job: Job) -> dict[str, object]:
        jobs.progress(job, JobProgress("training", 64, 90, 71.0))  # it stopped early
        return {}

    job_id = submit(jobs)
    jobs.run(job_id, work)
    job = jobs.get(job_id)
    assert (job.done, job.total, job.percent) == (90, 90, 100.0)


def test_the_time_left_is_that_of_the_last_report_less_what_has_passed_since(jobs: Jobs) -> None:
    job_id, moment = one_that_is(jobs, "running"), now() - timedelta(seconds=10)
    assert eta_seconds(jobs.get(job_id)) is None
    change(job_id, **estimated(moment, 40.0, 20.0))
    assert eta_seconds(jobs.get(job_id)) == pytest.approx(30, abs=2)
    change(job_id, **estimated(moment, 40.0, 5.0))  # its stage should be over
    assert eta_seconds(jobs.get(job_id)) is None


@pytest.mark.parametrize("status", ["queued", *FINAL])
def test_no_estimate_is_made_of_a_job_that_does_not_run(jobs: Jobs, status: str) -> None:
    assert eta_seconds(jobs.get(one_that_is(jobs, status))) is None


def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_at_its_next_step(jobs: Jobs) -> None:
    waiting = submit(jobs)
    assert jobs.cancel(waiting).status == "cancelled"

    def work(job: Job) -> dict[str, object]:
        jobs.progress(job, JobProgress("training", 0, 2, 0.0))
        assert jobs.cancel(job.id).cancel_requested
        jobs.progress(job, JobProgress("training", 1, 2, 50.0))
        return pytest.fail("It went on.")

    running = submit(jobs)
    jobs.run(running, work)
    assert (jobs.get(running).status, jobs.get(running).result) == ("cancelled", None)


@pytest.mark.parametrize("status", FINAL)
def test_what_has_ended_cannot_be_cancelled(jobs: Jobs, status: str) -> None:
    with pytest.raises(Conflict, match=status):
        jobs.cancel(one_that_is(jobs, status))


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_retry_starts_afresh(jobs: Jobs, queue: Queue, status: str) -> None:
    job_id = one_that_is(jobs, status)
    job = jobs.retry(job_id)
    assert (job.status, job.attempts, job.errors, job.finished_at) == ("queued", 0, [], None)
    assert queue.sent == [job_id, job_id]
    jobs.run(job_id, finish)
    assert jobs.get(job_id).status == "succeeded"


@pytest.mark.parametrize("status", [*ACTIVE, "succeeded"])
def test_only_a_failed_or_cancelled_job_can_be_retried(jobs: Jobs, status: str) -> None:
    with pytest.raises(Conflict):
        jobs.retry(one_that_is(jobs, status))


def test_an_unknown_job_is_not_found(jobs: Jobs) -> None:
    for call in (jobs.get, jobs.cancel, jobs.retry):
        with pytest.raises(NotFound, match="no job 'x'"):
            call("x")


def test_a_process_that_lost_its_job_must_stop_and_can_end_it_no_more(jobs: Jobs) -> None:
    def lose(job: Job) -> None:
        change(job.id, worker=STRANGER)

    def go_on(job: Job) -> dict[str, object]:
        lose(job)
        with pytest.raises(Cancelled):
            jobs.progress(job, JobProgress("training", 1, 2, 50.0))
        return {"mine": True}

    def break_down(job: Job) -> dict[str, object]:
        lose(job)
        raise Unavailable("The disk is full.")

    for work in (go_on, break_down):
        job_id = submit(jobs)
        jobs.run(job_id, work)
        job = jobs.get(job_id)
        assert (job.status, job.worker, job.result, job.errors) == ("running", STRANGER, None, [])


def test_the_job_of_a_dead_process_waits_again_until_its_attempts_are_used(jobs: Jobs, queue: Queue) -> None:
    job_id = submit(jobs)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert jobs.claim(job_id) is not None
        change(job_id, worker=dead_worker())
        assert jobs.get(job_id).attempts == attempt
        jobs.sweep()
        assert jobs.get(job_id).status == ("failed" if attempt == MAX_ATTEMPTS else "queued")
    assert jobs.get(job_id).errors[0]["reason"].startswith(f"The worker died {MAX_ATTEMPTS} times")
    assert queue.sent == [job_id] * MAX_ATTEMPTS


def test_a_silent_machine_is_dead_and_one_that_speaks_is_not(jobs: Jobs) -> None:
    silent, busy, mine = (one_that_is(jobs, "running") for _ in range(3))
    change(silent, worker=STRANGER, heartbeat_at=now() - SILENCE - timedelta(seconds=1))
    change(busy, worker=STRANGER)
    jobs.sweep()
    assert [jobs.get(job_id).status for job_id in (silent, busy, mine)] == ["queued", "running", "running"]


def test_a_dead_process_takes_its_cancelled_job_with_it(jobs: Jobs) -> None:
    job_id = one_that_is(jobs, "running")
    jobs.cancel(job_id)
    change(job_id, worker=dead_worker())
    jobs.sweep()
    assert jobs.get(job_id).status == "cancelled"


def test_a_job_that_the_queue_did_not_take_or_lost_is_sent_by_the_sweep(jobs: Jobs, queue: Queue) -> None:
    queue.up = False
    job_id = submit(jobs)
    jobs.sweep()
    assert (queue.sent, jobs.get(job_id).enqueued_at) == ([], None)
    queue.up = True
    jobs.sweep()
    jobs.sweep()
    assert queue.sent == [job_id]
    change(job_id, enqueued_at=now() - RESEND - timedelta(seconds=1))
    jobs.sweep()
    assert queue.sent == [job_id, job_id]


def test_the_newest_jobs_are_listed_first(jobs: Jobs) -> None:
    first, second, third = submit(jobs), one_that_is(jobs, "failed"), submit(jobs)
    assert [job.id for job in jobs.list()] == [third, second, first]
    assert [job.id for job in jobs.list(status="queued", limit=1)] == [third]
    assert jobs.list(kind="bulk_predict") == []
