from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from conftest import ON_BOTH, Queue
from flask import Flask
from job_steps import change, dead_worker, fail, finish, submit

from app.services.jobs.jobs import Jobs
from app.services.jobs.transitions import events
from app.store.tables import Job

pytestmark = ON_BOTH


def test_of_one_classifier_one_training_runs_at_a_time_whoever_asks(app: Flask, jobs: Jobs) -> None:
    together = Barrier(4)

    def claim(job_id: str) -> bool:
        with app.app_context():
            together.wait()
            return jobs.claim(job_id) is not None

    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            waiting = [submit(jobs, "retrain") for _ in range(4)]
            claimed = list(pool.map(claim, waiting))
            assert sum(claimed) == 1
            assert sorted(jobs.get(job_id).status for job_id in waiting) == ["queued"] * 3 + ["running"]
            for job_id in waiting:
                change(job_id, status="failed")


def test_the_one_behind_says_so_and_its_turn_comes_with_the_end_of_the_first(jobs: Jobs, queue: Queue) -> None:
    first, second, third = (submit(jobs, "retrain") for _ in range(3))
    jobs.claim(first)
    for job_id in (third, second):
        jobs.run(job_id, lambda _: pytest.fail("It ran beside the other."))
    assert "another training" in events(second)[-1]["cause"]
    queue.sent.clear()
    jobs.sweep()
    assert queue.sent == []
    change(first, status="queued")
    jobs.run(first, fail)
    assert queue.sent == [second]
    jobs.run(second, finish)
    assert queue.sent == [second, third]


def test_other_classifiers_go_on(jobs: Jobs) -> None:
    jobs.claim(submit(jobs, "retrain"))
    other = jobs.submit(Job(kind="retrain", classifier="glaucoma", params={})).id
    jobs.run(other, finish)
    assert jobs.get(other).status == "succeeded"


def test_the_lock_dies_with_its_owner(jobs: Jobs, queue: Queue) -> None:
    first, second = submit(jobs, "retrain"), submit(jobs, "retrain")
    jobs.claim(first)
    jobs.run(second, finish)
    change(first, worker=dead_worker())
    queue.sent.clear()
    jobs.sweep()
    assert queue.sent == [first, second]
    jobs.run(second, finish)
    assert [jobs.get(job_id).status for job_id in (first, second)] == ["queued", "succeeded"]
