"""Whether predictions can be answered: what a load balancer and anyone else may know, in few words."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Final

from sqlalchemy import select

from app.config import MEGABYTE, Settings
from app.services.serving.predict import Predict
from app.store.db import db

log = logging.getLogger(__name__)

RESERVE: Final = 64 * MEGABYTE  # of free disk; with less, an image or its row soon finds no place


class Readiness:
    """The probe."""

    def __init__(self, settings: Settings, predict: Predict) -> None:
        self._predict = predict
        self._folders = [] if settings.storage_url else [settings.uploads_dir]
        if settings.database.startswith("sqlite"):
            self._folders.append(settings.instance_dir)
        self._logged = ""

    def check(self) -> tuple[str, dict[str, str]]:
        """Check what predictions need; return "ok", "degraded" or "unavailable", and "ok" or what is wrong by part.

        Degraded: all are answered, but not each by the model that should. Addresses stand in the log alone.
        """
        try:
            db.session.execute(select(1))
        except Exception as error:  # noqa: BLE001 - whatever is wrong is what is reported
            self._log(f"The database cannot be used: {error}")
            return "unavailable", {"database": "It cannot be used now.", "models": "unknown"}
        wrong, problems = self._predict.warm()
        found = "; ".join(f"{name}: {reason}" for name, reason in problems.items())
        checks = {"database": "ok", "models": found or "ok"}
        full = any(_is_full(folder) for folder in self._folders)
        if full:
            checks["disk"] = f"Less than {RESERVE // MEGABYTE} MB are free; free some space."
        self._log(f"Not ready: {checks}" if wrong or full else "")
        return "unavailable" if wrong or full else "degraded" if found else "ok", checks

    def _log(self, problem: str) -> None:
        """Log a problem once, however often the probe asks, and its end."""
        if problem != self._logged:
            log.warning("%s", problem or "Ready again.")
        self._logged = problem


def _is_full(folder: Path) -> bool:
    """Say whether a disk has too few bytes or, where it counts them, no more files left."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize < RESERVE or (disk.f_files > 0 and disk.f_favail == 0)
