"""A training run: from a dataset to a new model version that serves only if it is no worse than the present one.

Imported by the training process alone, since what it needs is heavy.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from app.classifiers.catalog import Catalog
from app.classifiers.spec import ClassifierSpec
from app.services.datasets import test_set
from app.services.datasets.duplicates import dataset
from app.services.datasets.versions import DatasetVersions, Division
from app.services.jobs.costs import default
from app.services.jobs.jobs import Jobs
from app.services.jobs.limits import Limits
from app.services.models.known_work import skipped
from app.services.models.run_progress import RunProgress
from app.services.models.trial import Trial
from app.store.db import db
from app.store.files import Files
from app.store.registry import Alias, Registry
from app.store.tables import Image, Job
from app.store.transaction import transaction
from app.training.data.samples import Sample
from app.training.evaluation.gate import Verdict, judge
from app.training.networks.backbones import input_size
from app.training.progress import Progress
from app.training.search import Search
from app.training.trainer import Plan, train

REASON_CHARACTERS: Final = 500  # what a move of an alias keeps


@dataclass(frozen=True)
class TrainingData:
    """Where a run's images come from: the dataset versions, and the files."""

    versions: DatasetVersions
    files: Files


@dataclass(frozen=True)
class Supervision:
    """What watches a run: its job, and the limits of the machine."""

    jobs: Jobs
    limits: Limits

    def progress(self, job: Job, default: dict[str, float]) -> RunProgress:
        """Return what the stages of a run report to, which by default take so many seconds."""
        return RunProgress(self.jobs, self.limits, job, default)


@dataclass(frozen=True)
class Folders:
    """Where a run finds pretrained weights, and where on this machine it works."""

    weights: Path | None
    instance: Path

    @property
    def cache(self) -> Path:
        """What is computed once for all runs."""
        return self.instance / "cache"

    def run(self, job_id: str) -> Path:
        """What a run that is cut off leaves, to go on from."""
        return self.instance / "runs" / job_id


class TrainingRun:
    """Does a training job; the workers and the command line share it."""

    def __init__(
        self, catalog: Catalog, registry: Registry, data: TrainingData, supervision: Supervision, folders: Folders
    ) -> None:
        self._catalog = catalog
        self._registry = registry
        self._data = data
        self._supervision = supervision
        self._folders = folders
        self._trial = Trial(registry, data.versions)

    def run(self, job: Job) -> dict[str, Any]:
        """Train, register, compare and perhaps promote; a run cut off after registering does not train again."""
        spec = self._catalog[job.classifier]
        report = self._supervision.progress(job, self._stages(spec, job))
        run_dir = self._folders.run(job.id)
        division = self._data.versions.freeze(spec.name, report.preparing)
        self._registry.adopt(spec.name)  # an earlier try may have died between the bundle and its row
        with self._brought(division.samples, run_dir / "images", report) as samples:
            result = self._run(spec, job, replace(division, samples=samples), report)
        report.finish()
        shutil.rmtree(run_dir, ignore_errors=True)  # a run that was cut off goes on from there
        return result

    def _run(self, spec: ClassifierSpec, job: Job, division: Division, report: RunProgress) -> dict[str, Any]:
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
            with transaction():
                test_set.count(spec.name, _tests(samples))
                self._registry.record_verdict(spec.name, version, record)
        self._act(spec, version, record)
        return {
            **record,
            "model_version": version,
            "champion_version": self._registry.alias(spec.name, "champion"),
            "metrics": self._registry.card(spec.name, version).metrics,
            "search": trials,
        }

    def _stages(self, spec: ClassifierSpec, job: Job) -> dict[str, float]:
        """The seconds that each stage of the run takes by default."""
        hashes, folders = [row.sha256 for row in dataset(spec.name)], self._folders
        without = skipped(job, spec, hashes, folders.weights, folders.cache)
        if not self._data.versions.has_new(spec.name):
            without |= {"looking", "searching copies", "comparing images"}
        if self._registry.alias(spec.name, "champion") is None:
            without.add("comparing")
        return default(job, len(hashes), without)

    @contextmanager
    def _brought(self, samples: tuple[Sample, ...], folder: Path, report: Progress) -> Iterator[tuple[Sample, ...]]:
        """Give the samples with files on this machine; copies from a shared storage last as long as the run."""
        hashes = [sample.sha256 for sample in samples]
        try:
            paths = self._data.files.bring(hashes, folder, lambda done: report("fetching images", done, len(samples)))
            yield tuple(replace(sample, path=path) for sample, path in zip(samples, paths, strict=True))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _search(
        self, spec: ClassifierSpec, job: Job, samples: tuple[Sample, ...], report: Progress
    ) -> list[dict[str, Any]]:
        """Where the job asks for it, choose its backbone; keep what was tried with it, so that none is tried again."""
        minutes = job.params.get("search")
        if minutes is None or "trials" in job.params:
            return list(job.params.get("trials", []))
        search = Search(samples, spec, self._folders.weights, self._folders.cache)
        found = search.run(60 * minutes, report)
        trials = [asdict(trial) for trial in found]
        with transaction():
            job.params = {**job.params, "backbone": found[0].backbone, "mode": "head", "trials": trials}
        return trials

    def _train(self, spec: ClassifierSpec, job: Job, samples: tuple[Sample, ...], report: Progress) -> int:
        """Train and register a version; return its number."""
        job_id, params, folders = job.id, job.params, self._folders
        self._supervision.limits.check_disk(len(samples), input_size(params["backbone"], spec, folders.weights))
        plan = Plan(
            spec=spec, samples=samples, backbone=params["backbone"], mode=params["mode"], epochs=params["epochs"],
            weights=params["weights"], weights_dir=folders.weights, seed=spec.training.seed,
            source=_sources(spec.name), cache_dir=folders.cache, run_dir=folders.run(job_id), job=job_id,
            test_set=test_set.state(spec.name, _tests(samples)),
        )  # fmt: skip
        with self._registry.staging(spec.name) as bundle:
            train(plan, bundle, report)
            return self._registry.register(spec.name, bundle, job_id)

    def _act(self, spec: ClassifierSpec, version: int, record: dict[str, Any]) -> None:
        """Move the alias that the verdict asks for, unless an earlier try has done it."""
        alias: Alias | None = "champion" if record["promoted"] else "challenger" if record["undecided"] else None
        if alias is not None and self._registry.alias(spec.name, alias) != version:
            self._registry.move(spec.name, alias, version, " ".join(record["reasons"])[:REASON_CHARACTERS])


def _as_record(verdict: Verdict) -> dict[str, Any]:
    return {
        "promoted": verdict.promote,
        "undecided": verdict.undecided,
        "reasons": list(verdict.reasons),
        "figures": verdict.figures,
    }


def _tests(samples: Sequence[Sample]) -> list[str]:
    return [each.sha256 for each in samples if each.split == "test"]


def _sources(classifier: str) -> str:
    query = select(Image.source).where(Image.classifier == classifier).distinct().order_by(Image.source)
    return ", ".join(db.session.scalars(query))
