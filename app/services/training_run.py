"""A training run: from a dataset to a new model version that serves only if it is no worse than the present one.

Imported by the training process alone, since what it needs is heavy.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import select

from app.classifiers.spec import ClassifierSpec
from app.inference.predictor import Predictor
from app.services.jobs import Jobs
from app.services.wiring import Services
from app.store.db import db
from app.store.registry import Alias
from app.store.tables import Image, Job
from app.training.comparison import compare, contest
from app.training.gate import Verdict, judge
from app.training.progress import Progress
from app.training.samples import Sample
from app.training.search import search
from app.training.trainer import Plan, train

REPORT_SECONDS: Final = 0.5
REASON_CHARACTERS: Final = 500  # what a move of an alias keeps
# The share of a run's time, in percent, at which each stage begins and ends.
STAGES: Final = {
    "looking": (0, 0.3),
    "searching copies": (0.3, 0.4),
    "comparing images": (0.4, 0.5),
    "searching": (0.5, 1),
    "reading images": (1, 10),
    "training": (10, 90),
    "exporting": (90, 93),
    "calibrating": (93, 96),
    "evaluating": (96, 98),
    "comparing": (98, 100),
}


class TrainingRun:
    """Does a training job; the workers and the command line share it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._registry = services.registry

    def run(self, job: Job) -> dict[str, Any]:
        """Train, register, compare and perhaps promote; a run cut off after registering does not train again."""
        spec, report = self._services.catalog[job.classifier], _Reporter(self._services.jobs, job)
        policy = spec.promotion.model_copy(update={"policy": job.params["promote"]})
        samples = self._services.versions.freeze(spec.name, report.preparing).samples
        version, trials = self._registry.by_job(job.id), job.params.get("trials", [])
        if version is None:
            trials = self._search(spec, job, samples, report)
            version = self._train(spec, job, samples, report)
        record = self._registry.versions(spec.name)[version].verdict
        if record is None:  # a version is judged once
            record = _as_record(judge(self._compare(spec, version, samples, report), policy))
            self._registry.judge(spec.name, version, record)
        self._act(spec, version, record)
        return {
            **record,
            "model_version": version,
            "champion_version": self._registry.alias(spec.name, "champion"),
            "metrics": self._registry.card(spec.name, version).metrics,
            "search": trials,
        }

    def _search(
        self, spec: ClassifierSpec, job: Job, samples: tuple[Sample, ...], report: Progress
    ) -> list[dict[str, Any]]:
        """Where the job asks for it, choose its backbone; keep what was tried with it, so that none is tried again."""
        minutes = job.params.get("search")
        if minutes is None or "trials" in job.params:
            return list(job.params.get("trials", []))
        settings = self._services.settings
        found = search(samples, spec, settings.weights_dir, settings.instance_dir / "cache", 60 * minutes, report)
        trials = [asdict(trial) for trial in found]
        job.params = {**job.params, "backbone": found[0].backbone, "mode": "head", "trials": trials}
        db.session.commit()
        return trials

    def _train(self, spec: ClassifierSpec, job: Job, samples: tuple[Sample, ...], report: Progress) -> int:
        """Train and register a version; return its number."""
        job_id, params, instance = job.id, job.params, self._services.settings.instance_dir
        plan = Plan(
            spec=spec, samples=samples, backbone=params["backbone"], mode=params["mode"], epochs=params["epochs"],
            weights=params["weights"], weights_dir=self._services.settings.weights_dir, seed=spec.training.seed,
            size=spec.preprocessing.size, source=_sources(spec.name), cache_dir=instance / "cache",
            run_dir=instance / "runs" / job_id,
        )  # fmt: skip
        with self._registry.staging(spec.name) as bundle:
            train(plan, bundle, report)
            version = self._registry.register(spec.name, bundle, job_id)
        shutil.rmtree(instance / "runs" / job_id, ignore_errors=True)  # a run that was cut off goes on from there
        return version

    def _compare(
        self, spec: ClassifierSpec, version: int, samples: tuple[Sample, ...], report: _Reporter
    ) -> dict[str, Any] | None:
        """Let the new version and the champion, if there is one, answer the same test images."""
        champion = self._registry.alias(spec.name, "champion")
        if champion is None:
            return None
        new, old = (Predictor(self._registry.folder(spec.name, number)) for number in (version, champion))
        tests = [sample for sample in samples if sample.split == "test"]
        figures = compare(*contest(new, old, tests, report.comparing), tests, spec.promotion.metric)
        return {"champion_version": champion, **figures}

    def _act(self, spec: ClassifierSpec, version: int, record: dict[str, Any]) -> None:
        """Move the alias that the verdict asks for, unless an earlier try has done it."""
        alias: Alias | None = "champion" if record["promoted"] else "challenger" if record["undecided"] else None
        if alias is not None and self._registry.alias(spec.name, alias) != version:
            self._registry.move(spec.name, alias, version, " ".join(record["reasons"])[:REASON_CHARACTERS])


class _Reporter:
    """Turns the trainer's progress into the job's, at most twice a second but for the epochs."""

    def __init__(self, jobs: Jobs, job: Job) -> None:
        self._jobs = jobs
        self._job = job
        self._last = 0.0
        self._stage = ""

    def __call__(self, stage: str, done: int, total: int, epoch: dict[str, float] | None = None) -> None:
        due = time.monotonic() - self._last > REPORT_SECONDS
        if not due and epoch is None and stage == self._stage:
            return
        self._last, self._stage = time.monotonic(), stage
        begin, end = STAGES[stage]
        self._jobs.progress(self._job, stage, done, total, begin + (end - begin) * done / max(total, 1), epoch)

    def preparing(self, stage: str, done: int, total: int, epoch: dict[str, float] | None = None) -> None:
        """Report the search for images that show the same; its last stage has the name of the run's."""
        self("comparing images" if stage == "comparing" else stage, min(done, total), total, epoch)

    def comparing(self, stage: str, done: int, total: int, epoch: dict[str, float] | None = None) -> None:
        """Report the champion's evaluation as the comparison that it is here."""
        del stage
        self("comparing", done, total, epoch)


def _as_record(verdict: Verdict) -> dict[str, Any]:
    return {
        "promoted": verdict.promote,
        "undecided": verdict.undecided,
        "reasons": list(verdict.reasons),
        "figures": verdict.figures,
    }


def _sources(classifier: str) -> str:
    query = select(Image.source).where(Image.classifier == classifier).distinct().order_by(Image.source)
    return ", ".join(db.session.scalars(query))
