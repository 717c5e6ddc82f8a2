"""How far a training run is: the trainer's progress as that of the job."""

from __future__ import annotations

import time
from typing import Final

from app.services.jobs.jobs import JobProgress, Jobs
from app.services.jobs.limits import Limits
from app.store.tables import Job

REPORT_SECONDS: Final = 0.5
# The share of a run's time, in percent, at which each stage begins and ends.
STAGES: Final = {
    "looking": (0, 0.3),
    "searching copies": (0.3, 0.4),
    "comparing images": (0.4, 0.5),
    "fetching images": (0.5, 1),
    "searching": (0.5, 1),
    "reading images": (1, 10),
    "training": (10, 90),
    "exporting": (90, 93),
    "calibrating": (93, 96),
    "evaluating": (96, 98),
    "comparing": (98, 100),
}


class RunProgress:
    """Turns the trainer's progress into the job's, at most twice a second but for the epochs.

    A run that takes too much memory is stopped here, as is one that somebody cancelled.
    """

    def __init__(self, jobs: Jobs, limits: Limits, job: Job) -> None:
        self._jobs, self._limits = jobs, limits
        self._job = job
        self._last = 0.0
        self._stage = ""

    def __call__(self, stage: str, done: int, total: int, epoch: dict[str, float] | None = None) -> None:
        """Report it; raise what `Jobs.progress` raises, and TooLarge over the limit of memory."""
        due = time.monotonic() - self._last > REPORT_SECONDS
        if not due and epoch is None and stage == self._stage:
            return
        self._last, self._stage = time.monotonic(), stage
        self._limits.check_memory()
        begin, end = STAGES[stage]
        percent = begin + (end - begin) * done / max(total, 1)
        self._jobs.progress(self._job, JobProgress(stage, done, total, percent, epoch))

    def preparing(self, stage: str, done: int, total: int, epoch: dict[str, float] | None = None) -> None:
        """Report the search for images that show the same; its last stage has the name of the run's."""
        self("comparing images" if stage == "comparing" else stage, min(done, total), total, epoch)

    def comparing(self, stage: str, done: int, total: int, epoch: dict[str, float] | None = None) -> None:
        """Report the champion's evaluation as the comparison that it is here."""
        del stage
        self("comparing", done, total, epoch)
