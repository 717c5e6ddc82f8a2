"""Puts the use cases together from the settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.classifiers.catalog import Catalog
from app.config import Settings
from app.services.audit import Audit
from app.services.batch import Batch
from app.services.datasets import Datasets
from app.services.duplicates import Duplicates
from app.services.exploration import Exploration
from app.services.history import History
from app.services.intake import Intake
from app.services.jobs import Jobs
from app.services.models import Models
from app.services.monitor import Monitor
from app.services.predict import Predict
from app.services.queues import Queues
from app.services.retrain import Retrain
from app.services.versions import Versions
from app.store.files import Files
from app.store.registry import Registry
from app.store.tables import Job

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Services:
    """Every use case of one process."""

    settings: Settings
    catalog: Catalog
    files: Files
    registry: Registry
    queues: Queues
    jobs: Jobs
    predict: Predict
    intake: Intake
    batch: Batch
    datasets: Datasets
    versions: Versions
    audit: Audit
    exploration: Exploration
    history: History
    models: Models
    monitor: Monitor
    retrain: Retrain


def build(settings: Settings, send: Callable[[Job], bool], offload: Callable[[Callable[[], Any]], Any]) -> Services:
    """Return the use cases; `send` hands a job to the queue, `offload` runs computation off the request loop."""
    catalog = Catalog(settings.classifiers_dir)
    files, registry = Files(settings.uploads_dir), Registry(settings.models_dir)
    queues, jobs = Queues(settings.redis), Jobs(send)
    max_file_bytes = settings.max_upload_mb * MEGABYTE
    predict = Predict(catalog, registry, files, offload)
    intake = Intake(catalog, files, max_file_bytes)
    duplicates = Duplicates(files)
    versions = Versions(catalog, files, duplicates)
    return Services(
        settings=settings,
        catalog=catalog,
        files=files,
        registry=registry,
        queues=queues,
        jobs=jobs,
        predict=predict,
        intake=intake,
        batch=Batch(catalog, files, jobs, predict, max_file_bytes),
        datasets=Datasets(catalog, intake, versions),
        versions=versions,
        audit=Audit(catalog, files, registry, jobs, duplicates),
        exploration=Exploration(catalog, files, duplicates, versions, offload),
        history=History(catalog),
        models=Models(catalog, registry, settings.weights_dir),
        monitor=Monitor(settings, catalog, registry, queues, predict, versions),
        retrain=Retrain(catalog, jobs, settings.weights_dir),
    )
