"""How a running job reports its progress, and what is read from the row of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from app.services.jobs.costs import expected
from app.services.jobs.estimate import Estimate
from app.services.jobs.jobs import JobProgress, Jobs
from app.services.jobs.transitions import change
from app.store.db import now
from app.store.tables import Job
from app.store.transaction import transaction

REPORT_SECONDS: Final = 0.5
LEAST: Final = 1.0  # second that a job still needs, however late it is


class Reporter:
    """Turns the progress of a stage into the job's, at most twice a second but for new stages and epochs.

    `default` are the seconds that each stage takes by default. `check` is called before each report and may stop the
    work.
    """

    def __init__(
        self, jobs: Jobs, job: Job, default: dict[str, float], check: Callable[[], None] = lambda: None
    ) -> None:
        self._jobs, self._job, self._check, self._default = jobs, job, check, default
        seconds, known = expected(job, default)
        self._estimate = Estimate(seconds, job.percent, known=known)
        self._last, self._stage = 0.0, ""
        self._began = time.monotonic() - (now() - (job.started_at or now())).total_seconds()

    def __call__(self, stage: str, done: int, total: int, epoch: dict[str, float] | None = None) -> None:
        """Report it; raise what `check` and `Jobs.progress` raise."""
        moment = time.monotonic()
        if moment - self._last <= REPORT_SECONDS and epoch is None and stage == self._stage:
            return
        self._last, self._stage, done = moment, stage, min(done, total)
        self._check()
        found = self._estimate.report(stage, done / max(total, 1), moment - self._began)
        self._jobs.progress(self._job, JobProgress(stage, done, total, found.percent, epoch, found.left, found.sure))

    def finish(self) -> None:
        """Keep what each stage took, for the estimates of later jobs."""
        self._estimate.report(self._stage, 1.0, time.monotonic() - self._began)
        measured = self._estimate.measured
        timings = {
            stage: [round(self._default.get(stage, 0.0) * new, 3), round(took, 3)]
            for stage, (new, took) in measured.items()
        }
        with transaction():
            change(self._job.id, "running", timings=timings)


def eta_seconds(job: Job) -> float | None:
    """Return the seconds a running job still needs; None when it is too early to say, or its stage takes too long."""
    moment = now()
    if job.status != "running" or job.ends_at is None or job.sure_until is None or moment > job.sure_until:
        return None
    return max(float(round((job.ends_at - moment).total_seconds())), LEAST)
