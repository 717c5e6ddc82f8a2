"""Clears away what processes left behind that were killed: half-written files, and runs that nobody will take up."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import Final

from sqlalchemy import select

from app.config import Settings
from app.services.jobs.transitions import ACTIVE
from app.store.bodies import Bodies
from app.store.db import db, now
from app.store.staging import clear_files, clear_staging
from app.store.tables import Job

WRITTEN: Final = timedelta(hours=1)  # nothing that is being written takes so long
RETRIED: Final = timedelta(days=7)  # a retry goes on from what a failed run left, for so long


class Tidy:
    """The housekeeping of this machine's disk."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def sweep_when_due(self) -> None:
        """Sweep if nobody has on this machine for an hour: each of its workers calls this before a task."""
        mark = self._settings.instance_dir / "tidied"
        if mark.exists() and abs(now().timestamp() - mark.stat().st_mtime) < WRITTEN.total_seconds():
            return
        mark.touch()
        self.sweep()

    def sweep(self, written: timedelta = WRITTEN) -> None:
        """Remove what has no owner, and half-written files of at least this age."""
        before = (now() - written).timestamp()
        for folder in self._settings.models_dir.iterdir():
            clear_staging(folder)
        Bodies(self._settings.models_dir).clear()
        clear_files(self._settings.uploads_dir, before)
        clear_files(self._settings.instance_dir, before)
        for run in (self._settings.instance_dir / "runs").glob("*"):
            if not _wanted(run.name):
                shutil.rmtree(run, ignore_errors=True)


def _wanted(job_id: str) -> bool:
    """Tell whether the job may go on from what its run left here."""
    query = select(Job.status, Job.finished_at).where(Job.id == job_id)
    status, finished_at = db.session.execute(query).first() or ("succeeded", None)
    ended = finished_at is not None and finished_at < now() - RETRIED
    return status in ACTIVE or (status != "succeeded" and not ended)
