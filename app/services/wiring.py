"""Puts the use cases together from the settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.classifiers.catalog import Catalog
from app.config import MEGABYTE, Settings
from app.errors import ConfigError, FoveaError
from app.runners import Runners
from app.services.bulk.batch import Batch
from app.services.classifiers.classifiers import Classifiers
from app.services.classifiers.deletion import Deletion
from app.services.classifiers.forms import check_names
from app.services.classifiers.stored import StoredSpecs
from app.services.datasets.audit import Audit
from app.services.datasets.curation.changes import Curation
from app.services.datasets.curation.compare import VersionComparison
from app.services.datasets.curation.gallery import Gallery
from app.services.datasets.curation.history import Changes
from app.services.datasets.datasets import Datasets
from app.services.datasets.duplicates import Duplicates
from app.services.datasets.exploration import Exploration
from app.services.datasets.feedback import Feedback
from app.services.datasets.intake import Intake
from app.services.datasets.uploads import Preview, Uploads
from app.services.datasets.versions import DatasetVersions
from app.services.jobs.jobs import Jobs
from app.services.jobs.limits import Limits
from app.services.jobs.queues import Queues
from app.services.models.comparison import ImageComparison
from app.services.models.models import Models
from app.services.models.retrain import Retrain
from app.services.operations.backup import Backup
from app.services.operations.charts import Charts
from app.services.operations.class_mix import ClassMix
from app.services.operations.drift import Drift
from app.services.operations.monitor import Monitor
from app.services.operations.readiness import Readiness
from app.services.operations.retention import Retention
from app.services.operations.tidy import Tidy
from app.services.operations.webhooks import Webhooks
from app.services.serving.known import KnownAnswers
from app.services.serving.loaded_models import Serving
from app.services.serving.log import History
from app.services.serving.predict import Memory, Predict
from app.services.serving.reviews import Reviews
from app.services.serving.several import Several
from app.services.serving.shadow import Shadow
from app.services.serving.traffic import Traffic
from app.services.serving.training_images import TrainingImages
from app.store.bundles import BucketBundles, Bundles, LocalBundles
from app.store.files import BucketFiles, Files, LocalFiles
from app.store.registry import Registry
from app.store.remote import Remote
from app.store.tables import Job
from app.training.networks.backbones import check_own

if TYPE_CHECKING:  # heavy: only who trains or evaluates loads them
    from app.services.models.evaluate import Evaluation
    from app.services.models.training_run import TrainingRun


@dataclass(frozen=True)
class Broker:
    """`send` hands a job to its queue and says whether the queue took it.

    `count` counts the messages in each queue, where Redis does not carry them.
    """

    send: Callable[[Job], bool]
    count: Callable[[], dict[str, int]] | None = None


@dataclass(frozen=True)
class Services:
    """Every use case of one process."""

    settings: Settings
    catalog: Catalog
    classifiers: Classifiers
    files: Files
    registry: Registry
    queues: Queues
    jobs: Jobs
    predict: Predict
    several: Several
    intake: Intake
    preview: Preview
    uploads: Uploads
    batch: Batch
    datasets: Datasets
    versions: DatasetVersions
    curation: Curation
    changes: Changes
    version_comparison: VersionComparison
    audit: Audit
    image_comparison: ImageComparison
    exploration: Exploration
    feedback: Feedback
    gallery: Gallery
    history: History
    reviews: Reviews
    models: Models
    monitor: Monitor
    drift: Drift
    class_mix: ClassMix
    charts: Charts
    retrain: Retrain
    readiness: Readiness
    training_images: TrainingImages
    retention: Retention
    backup: Backup
    traffic: Traffic
    limits: Limits
    tidy: Tidy
    webhooks: Webhooks

    def training_run(self) -> TrainingRun:
        """Return the use case that trains. Only for a process that does: it loads what training needs."""
        from app.services.models import training_run  # noqa: PLC0415 - heavy

        data = training_run.TrainingData(self.versions, self.files)
        supervision = training_run.Supervision(self.jobs, self.limits)
        folders = training_run.Folders(self.settings.weights_dir, self.settings.instance_dir)
        return training_run.TrainingRun(self.catalog, self.registry, data, supervision, folders)

    def evaluation(self) -> Evaluation:
        """Return the use case that measures a version on a folder of images. It loads what training needs."""
        from app.services.models.evaluate import Evaluation  # noqa: PLC0415 - heavy

        return Evaluation(self.catalog, self.registry, self.versions)


def build(settings: Settings, broker: Broker, runners: Runners) -> Services:
    """Return the use cases of a process that hands jobs to `broker` and does its work with `runners`."""
    catalog = Catalog(settings.classifiers_dir, settings.default_classifier, StoredSpecs())
    _check_files(catalog, settings.weights_dir)
    files, bundles = _storage(settings, runners)
    registry = Registry(settings.models_dir, bundles)
    queues, jobs = Queues(settings.redis, broker.count), Jobs(broker.send)
    max_file_bytes = settings.max_upload_mb * MEGABYTE
    serving = Serving(registry, runners)
    memory = Memory(files, KnownAnswers(settings.answer_cache == "on", runners.run_blocking_io))
    predict = Predict(catalog, registry, serving, Shadow(runners.run_in_background), memory)
    intake = Intake(catalog, files, max_file_bytes, runners.run_cpu_bound)
    duplicates = Duplicates(files)
    versions, history = DatasetVersions(catalog, files, duplicates, runners.run_cpu_bound), History(catalog)
    gallery = Gallery(catalog, files)
    return Services(
        settings=settings,
        catalog=catalog,
        classifiers=Classifiers(
            catalog, intake, Deletion(files, registry), settings.weights_dir, runners.run_cpu_bound
        ),
        files=files,
        registry=registry,
        queues=queues,
        jobs=jobs,
        predict=predict,
        several=Several(catalog, predict),
        intake=intake,
        preview=Preview(catalog, runners.run_cpu_bound),
        uploads=Uploads(intake, files, jobs, settings.instance_dir, runners.run_cpu_bound),
        batch=Batch(files, jobs, predict, max_file_bytes),
        datasets=Datasets(catalog, intake, versions, gallery),
        versions=versions,
        curation=Curation(catalog),
        changes=Changes(catalog, files),
        version_comparison=VersionComparison(versions, runners.run_cpu_bound),
        audit=Audit(catalog, files, registry, jobs, duplicates),
        image_comparison=ImageComparison(catalog, registry, files, versions, serving),
        exploration=Exploration(catalog, files, duplicates, versions, runners.run_in_background),
        feedback=Feedback(catalog, files, intake, history),
        gallery=gallery,
        history=history,
        reviews=Reviews(catalog, history),
        models=Models(catalog, registry, settings.weights_dir),
        monitor=Monitor(settings, catalog, registry, queues, serving),
        drift=Drift(catalog, registry, runners.run_cpu_bound),
        class_mix=ClassMix(registry, runners.run_cpu_bound),
        charts=Charts(catalog, registry, versions),
        retrain=Retrain(catalog, jobs, settings.weights_dir),
        readiness=Readiness(settings, predict),
        training_images=TrainingImages(files, predict, runners.run_cpu_bound),
        retention=Retention(settings, files),
        backup=Backup(files, registry),
        traffic=Traffic(catalog, registry, serving),
        limits=Limits(settings, jobs),
        tidy=Tidy(settings),
        webhooks=Webhooks(settings),
    )


def _storage(settings: Settings, runners: Runners) -> tuple[Files, Bundles]:
    """Return where images and bundles are: in the bucket of STORAGE_URL, else on this machine."""
    if not settings.storage_url:
        return LocalFiles(settings.uploads_dir, runners.run_cpu_bound), LocalBundles()
    remote = Remote(settings.storage_url, runners.run_blocking_io)
    files = BucketFiles(settings.uploads_dir, remote, runners.run_cpu_bound)
    return files, BucketBundles(remote, settings.instance_dir / "cards")


def _check_files(catalog: Catalog, weights_dir: Path | None) -> None:
    """ConfigError when a file names a backbone or a drawing that there is not; its first use would fail."""
    try:
        check_own(weights_dir)
    except FoveaError as error:
        raise ConfigError(f"The setting WEIGHTS_DIR: {error}") from error
    for spec in catalog.files():
        try:
            check_names(spec, weights_dir)
        except FoveaError as error:
            raise ConfigError(f"The file of the classifier {spec.name}: {error}") from error
