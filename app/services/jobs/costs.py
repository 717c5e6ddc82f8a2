"""What the stages of long work take: by default, and by what earlier jobs of the same kind took."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import select

from app.services.jobs.estimate import Timing, learned
from app.store.db import db
from app.store.tables import Job

LOOKED_AT: Final = 50  # of the jobs that succeeded last
ALIKE: Final = 3  # of those, the ones that the median is taken of


class Cost(NamedTuple):
    """The seconds of a stage: some for every run, and some for each image."""

    fixed: float
    each: float = 0.0


_BEFORE: Final = {
    "starting": Cost(4),
    "looking": Cost(0.2, 0.015),
    "searching copies": Cost(0.2, 0.001),
    "comparing images": Cost(0.2, 0.004),
    "fetching images": Cost(0.2),
    "searching": Cost(10, 0.2),
    "preparing": Cost(25),
}
_AFTER: Final = {"calibrating": Cost(0.5, 0.003), "evaluating": Cost(0.5, 0.001), "comparing": Cost(0.5, 0.003)}
_HEAD: Final = _BEFORE | {
    "reading images": Cost(1, 0.025), "training": Cost(0.5, 0.008), "exporting": Cost(0.5),
} | _AFTER  # fmt: skip
_FULL: Final = _BEFORE | {
    "computing features": Cost(1, 0.04), "training the head": Cost(0.5, 0.008), "reading images": Cost(0.5, 0.01),
    "loading": Cost(12), "training": Cost(3, 0.012), "exporting": Cost(3), "quantizing": Cost(3, 0.005),
} | _AFTER  # fmt: skip
_AUDIT: Final = {
    "starting": Cost(1), "looking": Cost(0.2, 0.015), "searching copies": Cost(0.2, 0.001),
    "comparing": Cost(0.2, 0.004), "embedding": Cost(0.2, 0.015), "judging": Cost(1, 0.002),
}  # fmt: skip
_UPLOAD: Final = {"starting": Cost(0.2), "importing": Cost(0.1, 0.01)}


def default(job: Job, images: int, skipped: Collection[str] = ()) -> dict[str, float]:
    """The seconds that each stage of a job but the `skipped` takes by default, in their order, for so many images."""
    costs = _stages(job)
    epochs = job.params.get("epochs", 1) if costs is _FULL else 1
    return {
        stage: cost.fixed + cost.each * images * (epochs if stage == "training" else 1)
        for stage, cost in costs.items()
        if stage not in skipped and (stage != "searching" or job.params.get("search"))
    }


def expected(job: Job, default: dict[str, float]) -> tuple[dict[str, float], bool]:
    """The same by what the jobs took that are most like this one: its mode, then its backbone, then its classifier.

    Say, too, whether there was such a job.
    """
    ended = (Job.kind == job.kind, Job.status == "succeeded")
    query = select(Job.params, Job.classifier, Job.timings).where(*ended).order_by(Job.finished_at.desc())
    found = [
        (_likeness(job, params, classifier), timings)
        for params, classifier, timings in db.session.execute(query.limit(LOOKED_AT))
        if timings and _mode(params) == _mode(job.params)
    ]
    most = max((likeness for likeness, _ in found), default=None)
    alike = [timings for likeness, timings in found if likeness == most][:ALIKE]
    earlier = [{stage: Timing(*each) for stage, each in timings.items()} for timings in alike]
    return learned(default, earlier), bool(earlier)


def _stages(job: Job) -> dict[str, Cost]:
    return {"audit": _AUDIT, "upload": _UPLOAD}.get(job.kind) or (_HEAD if _mode(job.params) == "head" else _FULL)


def _mode(params: Mapping[str, Any]) -> str | None:
    """How a training trains: a search ends in a head."""
    return "head" if params.get("search") else params.get("mode")


def _likeness(job: Job, params: Mapping[str, Any], classifier: str) -> tuple[bool, bool]:
    return job.params.get("backbone") == params.get("backbone"), job.classifier == classifier
