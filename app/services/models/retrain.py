"""Asking for a training run: what is wrong with the wish is said at once, not by a failed job."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from app.classifiers.catalog import Catalog
from app.classifiers.spec import ClassifierSpec
from app.errors import InvalidInput
from app.services.datasets.intake import counts
from app.services.jobs.jobs import Jobs
from app.services.jobs.request_keys import once
from app.store.db import db, new_id
from app.store.tables import Job
from app.store.transaction import transaction
from app.training.networks.backbones import find_all_weights, find_weights, get_backbone, usual

KIND: Final = "retrain"
MIN_PER_CLASS: Final = 10
MODES: Final = ("head", "full")
POLICIES: Final = ("auto", "manual", "never")
MAX_EPOCHS: Final = 500


@dataclass(frozen=True)
class TrainingRequest:
    """A training run as it is asked for; what is None comes from the classifier's YAML.

    `search`: choose the backbone among those with pretrained weights, for so many minutes.
    """

    classifier: str
    backbone: str | None = None
    mode: str | None = None
    epochs: int | None = None
    promote: str | None = None
    weights: str = "imagenet"
    search: float | None = None


class Retrain:
    """Queues training runs; `app.services.training_run` does them, where TensorFlow may be loaded."""

    def __init__(self, catalog: Catalog, jobs: Jobs, weights_dir: Path | None) -> None:
        self._catalog = catalog
        self._jobs = jobs
        self._weights_dir = weights_dir

    def submit(self, request: TrainingRequest, key: str | None = None) -> Job:
        """Queue a training run, one for each `key`; InvalidInput at once when it cannot succeed."""
        job = self.prepare(request)
        job.id = new_id()
        asked = f"{KIND} {request.classifier} {sorted(_options(request).items())}"
        return self._jobs.get(once(key, asked, job.id, lambda: self._jobs.submit(job)))

    def record(self, request: TrainingRequest) -> Job:
        """Store a training run that the caller does itself; no queue is told. Raises as `submit` does."""
        job = self.prepare(request)
        with transaction():
            db.session.add(job)
        return job

    def prepare(self, request: TrainingRequest) -> Job:
        """Return the row of a training run, checked but not stored; InvalidInput when it cannot succeed."""
        spec = self._catalog[request.classifier]
        backbone, mode = self._network(spec, request)
        params: dict[str, Any] = {
            "backbone": backbone,
            "mode": _one_of("mode", mode, MODES),
            "epochs": spec.training.epochs if request.epochs is None else request.epochs,
            "promote": _one_of("promote", request.promote or spec.promotion.policy, POLICIES),
            "weights": request.weights,
        }
        if not 1 <= params["epochs"] <= MAX_EPOCHS:
            raise InvalidInput(f"epochs must be between 1 and {MAX_EPOCHS}, not {params['epochs']}.")
        if request.search is None:
            find_weights(params["backbone"], request.weights, self._weights_dir, params["mode"])
        else:
            find_all_weights(self._weights_dir)
            params["search"] = request.search
        _check_enough(spec)
        return Job(kind=KIND, classifier=spec.name, params=params)

    def _network(self, spec: ClassifierSpec, request: TrainingRequest) -> tuple[str, str]:
        """Return backbone and mode: those asked for, else the classifier's."""
        if request.search is not None:
            _check_search(request, request.search)
        if request.backbone is None and request.weights == "imagenet":
            backbone, mode = usual(spec.training, self._weights_dir)
        else:
            backbone, mode = request.backbone or spec.training.backbone, spec.training.mode
        if get_backbone(backbone, self._weights_dir).own is not None:
            mode = "head"  # the only one that there is for a network of the user's
        return backbone, request.mode or mode


def _options(request: TrainingRequest) -> dict[str, Any]:
    """What was asked for beside the classifier."""
    return {name: value for name, value in asdict(request).items() if name != "classifier"}


def _check_search(request: TrainingRequest, minutes: float) -> None:
    if request.backbone is not None or request.mode not in (None, "head") or request.weights != "imagenet":
        raise InvalidInput("A search chooses the backbone and trains a head on its ImageNet weights; leave them out.")
    if minutes <= 0:
        raise InvalidInput(f"The minutes of a search must be more than 0, not {minutes}.")


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


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise InvalidInput(f"{name} must be one of {', '.join(allowed)}, not {value!r}.")
    return value
