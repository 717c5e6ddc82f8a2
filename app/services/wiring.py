"""Puts the use cases together from the settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.classifiers.catalog import Catalog
from app.config import MEGABYTE, Settings
from app.drawing import check_subject
from app.errors import ConfigError, FoveaError
from app.services.bulk.batch import Batch
from app.services.datasets.audit import Audit
from app.services.datasets.datasets import Datasets
from app.services.datasets.duplicates import Duplicates
from app.services.datasets.exploration import Exploration
from app.services.datasets.feedback import Feedback
from app.services.datasets.gallery import Gallery
from app.services.datasets.intake import Intake
from app.services.datasets.versions import Versions
from app.services.jobs.jobs import Jobs
from app.services.jobs.limits import Limits
from app.services.jobs.queues import Queues
from app.services.models.comparison import Examination
from app.services.models.models import Models
from app.services.models.retrain import Retrain
from app.services.operations.backup import Backup
from app.services.operations.class_mix import ClassMix
from app.services.operations.monitor import Monitor
from app.services.operations.retention import Retention
from app.services.operations.tidy import Tidy
from app.services.operations.webhooks import Webhooks
from app.services.serving.background import Aside
from app.services.serving.loaded_models import Serving
from app.services.serving.log import History
from app.services.serving.predict import Predict
from app.services.serving.shadow import Shadow
from app.services.serving.traffic import Traffic
from app.services.serving.training_images import TrainingImages
from app.store.bundles import Bundles
from app.store.files import Files
from app.store.registry import Registry
from app.store.remote import Away, Remote
from app.store.tables import Job
from app.training.networks.backbones import get_backbone


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
    examination: Examination
    exploration: Exploration
    feedback: Feedback
    gallery: Gallery
    history: History
    models: Models
    monitor: Monitor
    retrain: Retrain
    training_images: TrainingImages
    retention: Retention
    backup: Backup
    traffic: Traffic
    limits: Limits
    tidy: Tidy
    webhooks: Webhooks


def build(
    settings: Settings,
    send: Callable[[Job], bool],
    offload: Away,
    aside: Aside,
    away: Away,
    count: Callable[[], dict[str, int]] | None = None,
) -> Services:
    """Return the use cases.

    `send` hands a job to the queue, `offload` runs computation off the request loop, `aside` what no request waits for,
    `away` what waits for another machine; `count` counts the messages in each queue where Redis does not carry them.
    """
    catalog = Catalog(settings.classifiers_dir)
    _check_names(catalog)
    remote = Remote(settings.storage_url, away) if settings.storage_url else None
    bundles = Bundles(remote, settings.instance_dir / "cards") if remote else None
    files, registry = Files(settings.uploads_dir, remote), Registry(settings.models_dir, bundles)
    queues, jobs = Queues(settings.redis, count), Jobs(send)
    max_file_bytes = settings.max_upload_mb * MEGABYTE
    serving = Serving(registry, offload, aside)
    predict = Predict(catalog, registry, files, serving, Shadow(aside), offload)
    intake = Intake(catalog, files, max_file_bytes)
    duplicates = Duplicates(files)
    versions, history = Versions(catalog, files, duplicates), History(catalog)
    gallery = Gallery(catalog, files, offload)
    return Services(
        settings=settings,
        catalog=catalog,
        files=files,
        registry=registry,
        queues=queues,
        jobs=jobs,
        predict=predict,
        intake=intake,
        batch=Batch(catalog, files, jobs, predict, max_file_bytes, offload),
        datasets=Datasets(catalog, intake, versions, gallery),
        versions=versions,
        audit=Audit(catalog, files, registry, jobs, duplicates),
        examination=Examination(catalog, registry, files, versions, serving, offload),
        exploration=Exploration(catalog, files, duplicates, versions, offload),
        feedback=Feedback(catalog, files, intake, history),
        gallery=gallery,
        history=history,
        models=Models(catalog, registry, settings.weights_dir),
        monitor=Monitor(settings, catalog, registry, queues, predict, serving, versions, ClassMix(registry, offload)),
        retrain=Retrain(catalog, jobs, settings.weights_dir),
        training_images=TrainingImages(files, predict, offload),
        retention=Retention(settings, files),
        backup=Backup(files, registry),
        traffic=Traffic(catalog, registry, serving),
        limits=Limits(settings, jobs),
        tidy=Tidy(settings),
        webhooks=Webhooks(settings),
    )


def _check_names(catalog: Catalog) -> None:
    """ConfigError when a file names a backbone or a drawing that there is not; its first use would fail."""
    for spec in catalog.values():
        try:
            for backbone in filter(None, (spec.training.backbone, spec.training.pretrained)):
                get_backbone(backbone)
            for subject in filter(None, (each.drawing for each in spec.classes)):
                check_subject(subject)
        except FoveaError as error:
            raise ConfigError(f"The file of the classifier {spec.name}: {error}") from error
