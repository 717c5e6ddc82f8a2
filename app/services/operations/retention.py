"""What is kept, and for how long: predictions, their images and jobs go by age, number or size."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from sqlalchemy import ColumnElement, Select, and_, case, delete, func, literal, not_, or_, select, union_all

from app.config import MEGABYTE, Settings
from app.services.jobs.jobs import RECEIVING
from app.services.jobs.transitions import ACTIVE
from app.services.serving import usage
from app.store.audit_log import record
from app.store.db import UNSYNCHRONIZED, UtcDateTime, db, now
from app.store.files import Files, Stored
from app.store.tables import DatasetVersion, Image, Job, JobItem, Prediction, RemovedImage
from app.store.transaction import transaction
from app.training.data import manifest

log = logging.getLogger(__name__)

CHUNK: Final = 500  # rows of one transaction: other writers wait no longer than for these
GRACE: Final = timedelta(hours=1)  # an image is stored before the row that refers to it
FOREVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
NEVER: Final = datetime(1, 1, 1, tzinfo=UTC)


@dataclass
class Pruned:
    """What went, or would go: the numbers of rows and images, and the images' bytes."""

    jobs: int = 0
    predictions: int = 0
    images: int = 0
    bytes: int = 0


class Retention:
    """The retention use case. Nothing is deleted unless a RETAIN_ setting says so.

    Dataset images, those of dataset versions and whatever belongs to a job in work always stay.
    """

    def __init__(self, settings: Settings, files: Files) -> None:
        self._settings = settings
        self._files = files

    def prune(self, dry_run: bool = False) -> Pruned:
        """Delete what is kept no longer, rows first, then the images that no row refers to; say what went.

        With `dry_run` nothing is deleted.
        """
        rules = self._settings
        if all(value is None for name, value in rules if name.startswith("retain_")):
            return Pruned()
        jobs = _old_jobs(rules.retain_jobs_days, rules.retain_jobs_count)
        predictions = _old_predictions(rules.retain_predictions_days, rules.retain_predictions_count)
        pruned = Pruned(jobs=_count(Job, jobs), predictions=_count(Prediction, predictions))
        if not dry_run:
            delete_rows(JobItem, JobItem.job_id.in_(select(Job.id).where(jobs)))
            delete_rows(Job, jobs)
            delete_rows(JobItem, JobItem.prediction_id.in_(select(Prediction.id).where(predictions)))
            delete_rows(Prediction, predictions)
        self._prune_images(jobs, predictions, pruned, dry_run)
        if not dry_run and any(asdict(pruned).values()):
            record("retention.applied", "everything", **asdict(pruned))
        log.info("Retention%s: %s", " (dry run)" if dry_run else "", asdict(pruned))
        return pruned

    def _prune_images(
        self, jobs: ColumnElement[bool], predictions: ColumnElement[bool], pruned: Pruned, dry_run: bool
    ) -> None:
        days, before, kept = self._settings.retain_images_days, _stored_long_ago(), in_versions()
        oldest = max(
            NEVER if days is None else now() - timedelta(days=days),
            self._oldest_within(kept, jobs, predictions),
        )
        for image, used in _used(self._files.stored(), jobs, predictions):
            if image.sha256 in kept or used > oldest or image.at >= before:
                continue
            if dry_run or self._files.remove(image.sha256, before):
                pruned.images += 1
                pruned.bytes += image.size

    def _oldest_within(self, kept: set[str], jobs: ColumnElement[bool], predictions: ColumnElement[bool]) -> datetime:
        """Return the last use up to which images go, so that what stays of them is within RETAIN_IMAGES_MB."""
        if self._settings.retain_images_mb is None:
            return NEVER
        loose = [
            (used.timestamp(), image.size)
            for image, used in _used(self._files.stored(), jobs, predictions)
            if NEVER < used < FOREVER and image.sha256 not in kept
        ]
        used, sizes = np.array(sorted(loose, reverse=True)).reshape(-1, 2).T
        over = np.flatnonzero(np.cumsum(sizes) > self._settings.retain_images_mb * MEGABYTE)
        return datetime.fromtimestamp(used[over[0]], UTC) if len(over) else NEVER


def _stored_long_ago() -> datetime:
    """Return the moment before which an image was stored that no row will come to refer to any more.

    A bulk prediction's rows come after all its images, so what was stored since the oldest one that still receives
    stays.
    """
    receiving = select(func.min(Job.created_at)).where(Job.status == "queued", Job.stage == RECEIVING)
    return min(now() - GRACE, db.session.scalar(receiving) or FOREVER)


def _old_jobs(days: int | None, count: int | None) -> ColumnElement[bool]:
    ended = Job.status.not_in(ACTIVE)
    return and_(ended, Job.created_at <= _limit(Job.created_at, ended, days, count))


def _old_predictions(days: int | None, count: int | None) -> ColumnElement[bool]:
    at_work = select(Job.id).where(Job.status.in_(ACTIVE))
    free = or_(Prediction.job_id.is_(None), Prediction.job_id.not_in(at_work))
    return and_(free, Prediction.created_at <= _limit(Prediction.created_at, free, days, count))


def _limit(column: Any, where: ColumnElement[bool], days: int | None, count: int | None) -> datetime:  # noqa: ANN401 - a column
    """Return the moment up to which rows go: those older than `days`, and all but the newest `count`."""
    limits = [NEVER if days is None else now() - timedelta(days=days)]
    if count is not None:
        first = db.session.scalar(select(column).where(where).order_by(column.desc()).offset(count).limit(1))
        limits.append(first or NEVER)
    return max(limits)


def _count(table: type[Any], doomed: ColumnElement[bool]) -> int:
    return db.session.scalars(select(func.count()).select_from(table).where(doomed)).one()


def delete_rows(table: type[Any], doomed: ColumnElement[bool]) -> None:
    """Delete the rows in transactions of CHUNK; what has been taken up again meanwhile stays."""
    while ids := db.session.scalars(select(table.id).where(doomed).limit(CHUNK)).all():
        with transaction():
            if table is Prediction:
                usage.forget(table.id.in_(ids), doomed)
            db.session.execute(delete(table).where(table.id.in_(ids), doomed), execution_options=UNSYNCHRONIZED)


def in_versions() -> set[str]:
    """Return the images of every dataset version."""
    query = select(DatasetVersion.manifest).execution_options(yield_per=1)
    with closing(db.session.scalars(query)) as tables:
        return {row.sha256 for table in tables for row in manifest.parse(zlib.decompress(table).decode())}


def _used(
    images: Iterable[Stored], jobs: ColumnElement[bool], predictions: ColumnElement[bool]
) -> Iterator[tuple[Stored, datetime]]:
    """Yield every image with its last use, NEVER where no row refers to it; both come in the order of the SHA-256."""
    after_all = ("g", NEVER)  # "g" comes after every hexadecimal digit
    with closing(db.session.execute(_uses(jobs, predictions))) as rows:
        pairs = ((sha256, at) for sha256, at in rows)
        sha256, at = next(pairs, after_all)
        for image in images:
            while sha256 < image.sha256:
                sha256, at = next(pairs, after_all)
            yield image, at if sha256 == image.sha256 else NEVER


def _uses(jobs: ColumnElement[bool], predictions: ColumnElement[bool]) -> Select[str, datetime]:
    """Ask for each image that a row refers to, with its last use; rows that go do not count."""
    forever = literal(FOREVER, UtcDateTime)
    at = case((Job.status.in_(ACTIVE), forever), else_=Job.created_at)
    uses = union_all(
        select(Image.sha256, forever.label("at")),
        select(RemovedImage.sha256, RemovedImage.removed_at),  # it can be brought back for a while
        select(JobItem.sha256, at).join(Job).where(not_(jobs), JobItem.sha256.is_not(None)),
        select(Prediction.sha256, Prediction.created_at).where(not_(predictions)),
    ).subquery()
    query = select(uses.c.sha256, func.max(uses.c.at)).group_by(uses.c.sha256).order_by(uses.c.sha256)
    return query.execution_options(yield_per=1000)
