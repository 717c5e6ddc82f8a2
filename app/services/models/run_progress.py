"""How far a training run is: the trainer's progress as that of the job."""

from __future__ import annotations

from app.services.jobs.jobs import Jobs
from app.services.jobs.limits import Limits
from app.services.jobs.reporting import Reporter
from app.store.tables import Job


class RunProgress(Reporter):
    """What the stages of a run report to.

    A run that takes too much memory is stopped here, as is one that somebody cancelled.
    """

    def __init__(self, jobs: Jobs, limits: Limits, job: Job, default: dict[str, float]) -> None:
        super().__init__(jobs, job, default, limits.check_memory)

    def preparing(self, stage: str, done: int, total: int, epoch: dict[str, float] | None = None) -> None:
        """Report the search for images that show the same; its last stage has the name of the run's."""
        self("comparing images" if stage == "comparing" else stage, done, total, epoch)

    def comparing(self, stage: str, done: int, total: int, epoch: dict[str, float] | None = None) -> None:
        """Report the champion's evaluation as the comparison that it is here."""
        del stage
        self("comparing", done, total, epoch)
