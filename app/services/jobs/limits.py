"""What a training may take of the machine: disk, memory and time. Each refusal says what to change."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Final

import psutil
from sqlalchemy import select

from app.config import MEGABYTE, Settings
from app.errors import TooLarge, Unavailable
from app.services.jobs.faults import SMALLER
from app.services.jobs.jobs import Jobs
from app.store.db import db, now
from app.store.tables import Job

CHANNELS: Final = 3
RESERVE_MB: Final = 1000  # checkpoints, three forms of the network, and space for everybody else


class Limits:
    """The limits of the settings, and those of the disk."""

    def __init__(self, settings: Settings, jobs: Jobs) -> None:
        self._hours = settings.training_hours
        self._memory_mb = settings.training_memory_mb
        self._folders = (settings.models_dir, settings.instance_dir)
        self._jobs = jobs

    def check_disk(self, images: int, size: int) -> None:
        """Unavailable unless so many images of `size` x `size` pixels and what comes of them fit on the disk."""
        needed = RESERVE_MB + images * size * size * CHANNELS // MEGABYTE
        for folder, free in _free(self._folders):
            if free < needed:
                raise Unavailable(
                    f"Training on {images} images of {size} pixels needs {needed} MB in {folder}, where {free} MB are"
                    " free; free some space, or choose a smaller image size, then retry."
                )

    def check_memory(self) -> None:
        """TooLarge when this process takes more than TRAINING_MEMORY_MB."""
        taken = psutil.Process().memory_info().rss // MEGABYTE
        if self._memory_mb is not None and taken > self._memory_mb:
            raise TooLarge(
                f"The training took {taken} MB of memory, and TRAINING_MEMORY_MB allows {self._memory_mb};"
                f" {SMALLER}, or raise the setting."
            )

    def sweep(self) -> None:
        """Fail the trainings that take longer than TRAINING_HOURS; their process stops at its next step."""
        overdue = Job.started_at < now() - timedelta(hours=self._hours)
        query = select(Job).where(Job.kind == "retrain", Job.status == "running", overdue)
        for job in db.session.scalars(query).all():
            reason = (
                f"The training took longer than the {self._hours:g} hours of TRAINING_HOURS; retry it to go on from its"
                " last epoch, start one with fewer epochs or a smaller backbone, or raise the setting."
            )
            self._jobs.fail(job.id, reason, Job.started_at == job.started_at)

    def out_of_memory(self, job_id: str) -> None:
        """Fail the job whose process the kernel killed for lack of memory: another try would end the same way."""
        self._jobs.fail(
            job_id,
            f"The system killed the training because memory ran out; {SMALLER}, or give the machine more memory.",
        )


def _free(folders: Iterable[Path]) -> list[tuple[Path, int]]:
    return [(folder, shutil.disk_usage(folder).free // MEGABYTE) for folder in folders]
