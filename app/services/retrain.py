"""Retraining: from a dataset to a new model version that serves only if it is no worse than the present one."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from app.classifiers.catalog import Catalog
from app.classifiers.spec import ClassifierSpec
from app.errors import InvalidInput
from app.services.intake import counts
from app.services.jobs import Jobs
from app.store.db import db
from app.store.files import Files
from app.store.registry import Registry
from app.store.tables import Image, Job
from app.training.backbones import find_weights, get_backbone

KIND: Final = "retrain"
MIN_PER_CLASS: Final = 10
MODES: Final = ("head", "full")
POLICIES: Final = ("auto", "manual", "never")
MAX_EPOCHS: Final = 500
REPORT_SECONDS: Final = 0.5
# The share of a run's time, in percent, at which each stage begins and ends.
STAGES: Final = {
    "reading images": (1, 10),
    "training": (10, 90),
    "exporting": (90, 93),
    "calibrating": (93, 96),
    "evaluating": (96, 98),
    "comparing": (98, 100),
}


class Retrain:
    """The training use case, shared by the HTTP interface, the workers and the command line."""

    def __init__(
        self, catalog: Catalog, files: Files, registry: Registry, jobs: Jobs, weights_dir: Path | None
    ) -> None:
        self._catalog = catalog
        self._files = files
        self._registry = registry
        self._jobs = jobs
        self._weights_dir = weights_dir

    def submit(self, classifier: str, **options: Any) -> Job:  # noqa: ANN401 - the fields of a training request
        """Queue a training run; InvalidInput at once when it cannot succeed."""
        return self._jobs.submit(self.prepare(classifier, **options))

    def prepare(
        self,
        classifier: str,
        backbone: str | None = None,
        mode: str | None = None,
        epochs: int | None = None,
        promote: str | None = None,
        weights: str = "imagenet",
    ) -> Job:
        """Return the row of a training run, checked but not stored; what is None comes from the classifier's YAML."""
        spec = self._catalog[classifier]
        params: dict[str, Any] = {
            "backbone": backbone or spec.training.backbone,
            "mode": _one_of("mode", mode or spec.training.mode, MODES),
            "epochs": spec.training.epochs if epochs is None else epochs,
            "promote": _one_of("promote", promote or spec.promotion.policy, POLICIES),
            "weights": weights,
        }
        if not 1 <= params["epochs"] <= MAX_EPOCHS:
            raise InvalidInput(f"epochs must be between 1 and {MAX_EPOCHS}, not {params['epochs']}.")
        get_backbone(params["backbone"])
        find_weights(params["backbone"], weights, self._weights_dir, params["mode"])
        _check_enough(spec)
        return Job(kind=KIND, classifier=classifier, params=params, total=params["epochs"])

    def run(self, job: Job) -> dict[str, Any]:
        """Train, register, compare and perhaps promote; a run cut off after registering does not train again."""
        spec = self._catalog[job.classifier]
        version = self._registry.by_job(job.id)
        if version is None:
            version = self._train(spec, job)
        return self._judge(spec, job, version)

    def _train(self, spec: ClassifierSpec, job: Job) -> int:
        from app.training.trainer import Plan, train  # noqa: PLC0415 - loads TensorFlow: in the training process only

        job_id, params = job.id, job.params
        plan = Plan(
            spec=spec, samples=self._samples(spec), backbone=params["backbone"], mode=params["mode"],
            epochs=params["epochs"], weights=params["weights"], weights_dir=self._weights_dir,
            seed=spec.training.seed, size=spec.preprocessing.size, source=_sources(spec.name),
        )  # fmt: skip
        with self._registry.staging(spec.name) as bundle:
            train(plan, bundle, _Reporter(self._jobs, job))
            return self._registry.register(spec.name, bundle, job_id)

    def _judge(self, spec: ClassifierSpec, job: Job, version: int) -> dict[str, Any]:
        """Compare the version with the champion on the same test images; move the alias the verdict asks for."""
        from app.inference.predictor import Predictor  # noqa: PLC0415
        from app.training.evaluation import evaluate  # noqa: PLC0415 - loads scikit-learn
        from app.training.gate import judge  # noqa: PLC0415

        report = _Reporter(self._jobs, job)
        challenger = self._registry.card(spec.name, version).metrics
        serving = self._registry.alias(spec.name, "champion")
        champion = None
        if serving is not None and serving != version:
            tests = [sample for sample in self._samples(spec) if sample.split == "test"]
            champion = evaluate(Predictor(self._registry.folder(spec.name, serving)), tests, report.comparing)
        policy = spec.promotion.model_copy(update={"policy": job.params["promote"]})
        verdict = judge(challenger, champion, policy)
        reasons = " ".join(verdict.reasons)
        self._registry.judge(
            spec.name, version, {"promoted": verdict.promote, "undecided": verdict.undecided, "reasons": reasons,
                                 "champion_version": serving, "figures": verdict.figures},
        )  # fmt: skip
        if verdict.promote:
            self._registry.move(spec.name, "champion", version, reasons)
        elif verdict.undecided:
            self._registry.move(spec.name, "challenger", version, reasons)
        return {
            "model_version": version,
            "promoted": verdict.promote,
            "undecided": verdict.undecided,
            "reasons": list(verdict.reasons),
            "champion_version": self._registry.alias(spec.name, "champion"),
            "metrics": challenger,
            "champion_metrics": champion,
        }

    def _samples(self, spec: ClassifierSpec) -> tuple[Any, ...]:
        """Return the dataset as training samples, every image in a settled split."""
        from app.training.samples import Sample  # noqa: PLC0415

        settle_splits(spec)
        query = select(Image).where(Image.classifier == spec.name).order_by(Image.id)
        return tuple(
            Sample(self._files.path(row.sha256), row.sha256, row.label, row.split, row.group)
            for row in db.session.scalars(query)
            if row.split is not None
        )


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

    def comparing(self, stage: str, done: int, total: int, epoch: dict[str, float] | None = None) -> None:
        """Report the champion's evaluation as the comparison that it is here."""
        del stage
        self("comparing", done, total, epoch)


def settle_splits(spec: ClassifierSpec) -> None:
    """Give every image without a split one that it keeps: its patient's where known, else by a stratified draw."""
    from app.training.splits import assign  # noqa: PLC0415

    rows = db.session.scalars(select(Image).where(Image.classifier == spec.name).order_by(Image.sha256)).all()
    known = {row.group: row.split for row in rows if row.split is not None}
    open_rows = [row for row in rows if row.split is None]
    drawn = assign([(row.label, row.group) for row in open_rows], seed=spec.training.seed)
    for row, split in zip(open_rows, drawn, strict=True):
        row.split = known.get(row.group, split)
    db.session.commit()


def _check_enough(spec: ClassifierSpec) -> None:
    images: Counter[str] = Counter()
    for labels in counts(spec.name).values():
        images.update(labels)
    short = [f"{name} has {images[name]}" for name in spec.class_names if images[name] < MIN_PER_CLASS]
    if short:
        raise InvalidInput(
            f"Training {spec.name} needs at least {MIN_PER_CLASS} images of each class, but {', '.join(short)};"
            " add some with /api/upload or 'flask data import'."
        )


def _sources(classifier: str) -> str:
    query = select(Image.source).where(Image.classifier == classifier).distinct().order_by(Image.source)
    return ", ".join(db.session.scalars(query))


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise InvalidInput(f"{name} must be one of {', '.join(allowed)}, not {value!r}.")
    return value
