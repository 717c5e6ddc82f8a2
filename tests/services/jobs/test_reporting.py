"""What a job reports, and what later ones learn from it."""

from __future__ import annotations

import pytest

from app.services.jobs import reporting
from app.services.jobs.costs import default, expected
from app.services.jobs.jobs import JobProgress, Jobs
from app.services.jobs.reporting import Reporter
from app.store.tables import Job

PARAMS = {"mode": "head", "backbone": "mobilenetv2"}


def run(jobs: Jobs, job: Job, stages: dict[str, int]) -> Job:
    """Do a job that reports each step of its stages."""

    def work(claimed: Job) -> dict[str, object]:
        report = Reporter(jobs, claimed, {"starting": 1, **dict.fromkeys(stages, 1.0)})
        for stage, steps in stages.items():
            for step in range(steps + 1):
                report(stage, step, steps)
        report.finish()
        return {}

    job_id = jobs.submit(job).id
    jobs.run(job_id, work)
    return jobs.get(job_id)


def test_progress_only_grows_and_ends_complete(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    progress = Jobs.progress

    def noted(self: Jobs, job: Job, report: JobProgress) -> None:
        seen.append(report.percent)
        progress(self, job, report)

    monkeypatch.setattr(Jobs, "progress", noted)
    monkeypatch.setattr(reporting, "REPORT_SECONDS", -1)
    job = run(jobs, Job(kind="audit", classifier="cat_dog", params={}), {"looking": 5, "judging": 3})
    assert seen == sorted(seen)
    assert len(seen) == 10
    assert (job.status, job.percent, job.done, job.total) == ("succeeded", 100.0, 3, 3)
    assert set(job.timings) == {"starting", "looking", "judging"}


def test_the_most_similar_job_is_learned_from(jobs: Jobs) -> None:
    for backbone, classifier, factor in (
        ("vgg16", "cat_dog", 100), ("mobilenetv2", "glaucoma", 10), ("mobilenetv2", "cat_dog", 2),
    ):  # fmt: skip
        job = run(jobs, Job(kind="retrain", classifier=classifier, params=PARAMS | {"backbone": backbone}), {})
        job.timings = {"training": [1.0, float(factor)]}
    like_it = Job(kind="retrain", classifier="cat_dog", params=PARAMS)
    usual = default(like_it, 100)
    seconds, known = expected(like_it, usual)
    assert known
    assert seconds["training"] == pytest.approx(2 * usual["training"])
    assert seconds["reading images"] == usual["reading images"]
    assert expected(Job(kind="retrain", classifier="cat_dog", params={"mode": "full"}), usual) == (usual, False)


def test_what_is_skipped_is_not_expected_and_a_whole_network_counts_its_epochs() -> None:
    job = Job(kind="retrain", classifier="cat_dog", params={"mode": "full", "epochs": 10})
    usual = default(job, 100, {"preparing"})
    assert "preparing" not in usual
    assert "searching" not in usual
    once = default(Job(kind="retrain", classifier="cat_dog", params={"mode": "full", "epochs": 1}), 100)
    assert usual["training"] > 2 * once["training"]
