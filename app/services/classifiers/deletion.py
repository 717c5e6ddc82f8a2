"""Deletes everything that belongs to a classifier."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from sqlalchemy import and_, delete, func, select

from app.batched import batched
from app.errors import Conflict
from app.services.jobs.jobs import RECEIVING
from app.services.jobs.transitions import ACTIVE
from app.services.operations.retention import delete_rows, in_versions
from app.store.db import UNSYNCHRONIZED, db, now
from app.store.files import Files
from app.store.registry import REMOVED, Registry
from app.store.tables import (
    AliasMove,
    AuditReport,
    ChallengerTraffic,
    Compared,
    DatasetChange,
    DatasetVersion,
    Image,
    Job,
    JobItem,
    NearDuplicate,
    Prediction,
    RejectedFile,
    RemovedImage,
    ShadowAnswer,
)
from app.store.transaction import transaction

REASON: Final = "The classifier was deleted."
AT_ONCE: Final = 500
_SMALL: Final = (
    AuditReport, ChallengerTraffic, Compared, DatasetChange, DatasetVersion, NearDuplicate, RejectedFile, RemovedImage,
    ShadowAnswer,
)  # fmt: skip


class Deletion:
    """Deletes in steps that can be repeated: whatever stops it, the same call again finishes it."""

    def __init__(self, files: Files, registry: Registry) -> None:
        self._files = files
        self._registry = registry

    def delete(self, classifier: str) -> dict[str, int]:
        """Delete rows, model versions, and the images that nothing else refers to; return how many of each.

        Conflict while a job waits or runs. The numbers of its versions are never given again.
        """
        check_idle(classifier)
        began, hashes = now(), _images_of(classifier)
        ended = and_(Job.classifier == classifier, Job.status.not_in(ACTIVE))
        gone = {
            "images": _count(Image, Image.classifier == classifier),
            "predictions": _count(Prediction, Prediction.classifier == classifier),
            "jobs": _count(Job, Job.classifier == classifier),
        }
        delete_rows(JobItem, JobItem.job_id.in_(select(Job.id).where(ended)))
        delete_rows(Prediction, Prediction.classifier == classifier)
        delete_rows(Job, ended)
        delete_rows(Image, Image.classifier == classifier)
        with transaction():
            for table in _SMALL:
                rows = delete(table).where(table.classifier == classifier)
                db.session.execute(rows, execution_options=UNSYNCHRONIZED)
            moves = delete(AliasMove).where(AliasMove.classifier == classifier, AliasMove.alias != REMOVED)
            db.session.execute(moves, execution_options=UNSYNCHRONIZED)
        versions = self._registry.versions(classifier)
        for version in versions:
            self._registry.remove(classifier, version, REASON)
        with suppress(OSError):  # it may hold what another process is about to clear away
            (self._registry.root / classifier).rmdir()
        self._remove_files(hashes, began)
        return gone | {"versions": len(versions)}

    def _remove_files(self, hashes: Iterable[str], began: datetime) -> None:
        """Remove the stored images that no row refers to; what was stored since then stays, for a row may follow."""
        receiving = select(func.min(Job.created_at)).where(Job.status == "queued", Job.stage == RECEIVING)
        before, kept = min(began, db.session.scalar(receiving) or began), in_versions()
        for chunk in batched(hashes, AT_ONCE):
            used = {
                sha256
                for table in (Image, JobItem, Prediction)
                for sha256 in db.session.scalars(select(table.sha256).where(table.sha256.in_(chunk)))
            }
            for sha256 in set(chunk) - used - kept:
                self._files.remove(sha256, before)


def check_idle(classifier: str) -> None:
    """Conflict while a job of the classifier waits or runs."""
    query = select(Job).where(Job.classifier == classifier, Job.status.in_(ACTIVE)).limit(1)
    if job := db.session.scalar(query):
        raise Conflict(f"The job {job.id} of {classifier} is {job.status}; wait for its end, or cancel it.")


def _images_of(classifier: str) -> set[str]:
    """Return the images that rows of the classifier refer to."""
    queries = [
        select(Image.sha256).where(Image.classifier == classifier),
        select(Prediction.sha256).where(Prediction.classifier == classifier),
        select(JobItem.sha256).join(Job).where(Job.classifier == classifier, JobItem.sha256.is_not(None)),
    ]
    return {str(sha256) for query in queries for sha256 in db.session.scalars(query)}


def _count(table: type[Any], where: Any) -> int:  # noqa: ANN401 - a table and an SQL expression
    return db.session.scalars(select(func.count()).select_from(table).where(where)).one()
