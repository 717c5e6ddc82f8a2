"""A training run: from a dataset to a new model version that serves only if it is no worse than the present one.

Imported by the training process alone, since what it needs is heavy.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from app.classifiers.spec import ClassifierSpec
from app.services.datasets import test_set
from app.services.datasets.versions import Division
from app.services.models.trial import Trial
from app.services.wiring import Services
from app.store.db import db
from app.store.registry import Alias
from app.store.tables import Image, Job
from app.training.data.samples import Sample
from app.training.evaluation.gate import Verdict, judge
from app.training.networks.backbones import input_size
from app.training.progress import Progress
from app.training.search import search
from app.training.trainer import Plan, train

REPORT_SECONDS: Final = 0.5
REASON_CHARACTERS: Final = 500  # what a move of an alias keeps
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


class TrainingRun:
    """Does a training job; the workers and the command line share it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._registry = services.registry
        self._trial = Trial(services.registry, services.versions)

    def run(self, job: Job) -> dict[str, Any]:
        """Train, register, compare and perhaps promote; a run cut off after registering does not train again."""
        spec, report = self._services.catalog[job.classifier], _Reporter(self._services, job)
        run_dir = self._services.settings.instance_dir / "runs" / job.id
        division = self._services.versions.freeze(spec.name, report.preparing)
        self._registry.adopt(spec.name)  # an earlier try may have died between the bundle and its row
        with self._brought(division.samples, run_dir / "images", report) as samples:
            result = self._run(spec, job, replace(division, samples=samples), report)
        shutil.rmtree(run_dir, ignore_errors=True)  # a run that was cut off goes on from there
        return result

    def _run(self, spec: ClassifierSpec, job: Job, division: Division, report: _Reporter) -> dict[str, Any]:
        samples = division.samples
        version, trials = self._registry.by_job(job.id), job.params.get("trials", [])
        if version is None:
            trials = self._search(spec, job, samples, report)
            version = self._train(spec, job, samples, report)
        record = self._registry.versions(spec.name)[version].verdict
        if record is None:  # a version is judged once
            figures = self._trial.figures(spec, version, division, report.comparing)
            policy = "manual" if job.keep else job.params["promote"]  # what was stopped early never serves by itself
            record = _as_record(judge(figures, spec.promotion.model_copy(update={"policy": policy})))
            test_set.count(spec.name, [each.sha256 for each in samples if each.split == "test"])
            self._registry.judge(spec.name, version, record)
        self._act(spec, version, record)
        return {
            **record,
            "model_version": version,
            "champion_version": self._registry.alias(spec.name, "champion"),
            "metrics": self._registry.card(spec.name, version).metrics,
            "search": trials,
        }

    @contextmanager
    def _brought(self, samples: tuple[Sample, ...], folder: Path, report: Progress) -> Iterator[tuple[Sample, ...]]:
        """Give the samples with files on this machine; copies from a shared storage last as long as the run."""
        found, files = list[Sample](), self._services.files
        try:
            for path in files.bring([sample.sha256 for sample in samples], folder):
                found.append(replace(samples[len(found)], path=path))
                if files.shared:
                    report("fetching images", len(found), len(samples))
            yield tuple(found)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

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
        self._services.limits.check_disk(len(samples), input_size(params["backbone"], spec))
        plan = Plan(
            spec=spec, samples=samples, backbone=params["backbone"], mode=params["mode"], epochs=params["epochs"],
            weights=params["weights"], weights_dir=self._services.settings.weights_dir, seed=spec.training.seed,
            source=_sources(spec.name), test_set=_state(spec.name, samples),
            cache_dir=instance / "cache", run_dir=instance / "runs" / job_id, job=job_id,
        )  # fmt: skip
        with self._registry.staging(spec.name) as bundle:
            train(plan, bundle, report)
            return self._registry.register(spec.name, bundle, job_id)

    def _act(self, spec: ClassifierSpec, version: int, record: dict[str, Any]) -> None:
        """Move the alias that the verdict asks for, unless an earlier try has done it."""
        alias: Alias | None = "champion" if record["promoted"] else "challenger" if record["undecided"] else None
        if alias is not None and self._registry.alias(spec.name, alias) != version:
            self._registry.move(spec.name, alias, version, " ".join(record["reasons"])[:REASON_CHARACTERS])


class _Reporter:
    """Turns the trainer's progress into the job's, at most twice a second but for the epochs."""

    def __init__(self, services: Services, job: Job) -> None:
        self._jobs, self._limits = services.jobs, services.limits
        self._job = job
        self._last = 0.0
        self._stage = ""

    def __call__(self, stage: str, done: int, total: int, epoch: dict[str, float] | None = None) -> None:
        due = time.monotonic() - self._last > REPORT_SECONDS
        if not due and epoch is None and stage == self._stage:
            return
        self._last, self._stage = time.monotonic(), stage
        self._limits.check_memory()
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


def _state(classifier: str, samples: Sequence[Sample]) -> dict[str, Any]:
    return test_set.state(classifier, [each.sha256 for each in samples if each.split == "test"])


def _sources(classifier: str) -> str:
    query = select(Image.source).where(Image.classifier == classifier).distinct().order_by(Image.source)
    return ", ".join(db.session.scalars(query))
