"""What must hold after any fault, once the work has ended. Each function returns the losses it found, in words."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from product import Product
from sqlalchemy import select
from work import CAT, NAME, Ledger

from app.config import Settings
from app.errors import FoveaError
from app.factory import EXTENSION, create_core
from app.inference.predictor import Predictor
from app.services.jobs.jobs import MAX_ATTEMPTS
from app.services.jobs.transitions import ACTIVE
from app.services.wiring import Services
from app.store.db import db
from app.store.tables import AliasMove, Image, Job, JobItem, ModelVersion, Prediction

GIVEN_UP = f"The worker died {MAX_ATTEMPTS} times over this image; it was left out."


def losses(product: Product, ledger: Ledger) -> list[str]:
    """Look at the database, the disk and the model that serves; return everything that is not as it must be."""
    core = create_core(product.settings)
    services: Services = core.extensions[EXTENSION]
    with core.app_context():
        found = [*_of_results(ledger), *_of_uploads(ledger, services), *_of_trainings(ledger), *_without_end()]
        found += _of_champions(ledger, services)
        services.tidy.sweep(written=timedelta(0))
        found += left_behind(product.settings)
        db.session.remove()
        db.engine.dispose()
    return found


def _of_results(ledger: Ledger) -> Iterator[str]:
    """Every accepted image has exactly one result, and that is an answer.

    An image may be given up that its worker died over three times. The faults do this to one, or two, in three strikes.
    """
    given_up = 0
    for job_id, files in ledger.bulk.items():
        columns = select(JobItem.filename, JobItem.prediction_id, JobItem.error)
        items = db.session.execute(columns.where(JobItem.job_id == job_id)).all()
        logged = list(db.session.scalars(select(Prediction.id).where(Prediction.job_id == job_id)))
        if Counter(name for name, _, _ in items) != Counter(files):
            yield f"job {job_id}: {len(files)} files were accepted, {len(items)} are there"
        errors = Counter(str(error) for _, prediction, error in items if prediction is None)
        given_up += errors.pop(GIVEN_UP, 0)
        if errors:
            yield f"job {job_id}: images without a prediction: {set(errors)}"
        if sorted(prediction for _, prediction, _ in items if prediction is not None) != sorted(logged):
            yield f"job {job_id}: {len(items)} images, {len(logged)} answers in the log"
    if given_up > 2 * ledger.strikes // MAX_ATTEMPTS:
        yield f"{given_up} images were given up after {ledger.strikes} strikes"


def _of_uploads(ledger: Ledger, services: Services) -> Iterator[str]:
    """Every accepted upload is in the dataset, with its bytes."""
    known = set(db.session.scalars(select(Image.sha256).where(Image.classifier == NAME)))
    if missing := ledger.uploads - known:
        yield f"{len(missing)} uploads are not in the dataset"
    for sha256 in known:
        if hashlib.sha256(services.files.read(sha256)).hexdigest() != sha256:
            yield f"the bytes of image {sha256} are damaged"


def _of_trainings(ledger: Ledger) -> Iterator[str]:
    """Every successful training made exactly one version, and no version came from anywhere else."""
    versions = Counter(db.session.scalars(select(ModelVersion.job_id).where(ModelVersion.version > 1)))
    if versions[None]:
        yield f"{versions[None]} versions are of no job"
    for job_id in ledger.trainings:
        status = db.session.scalar(select(Job.status).where(Job.id == job_id))
        if status != "succeeded" and job_id not in ledger.failed:
            yield f"training {job_id} {status}"
        if status == "succeeded" and versions[job_id] != 1:
            yield f"training {job_id} made {versions[job_id]} versions"


def _without_end() -> Iterator[str]:
    """No job runs for ever."""
    for job in db.session.scalars(select(Job).where(Job.status.in_(ACTIVE))):
        yield f"job {job.id} is still {job.status}"


def _of_champions(ledger: Ledger, services: Services) -> Iterator[str]:
    """The champion is there, whole and right; who never was champion never answered."""
    moves = select(AliasMove.version).where(AliasMove.classifier == NAME, AliasMove.alias == "champion")
    if strangers := ledger.served - {version for version in db.session.scalars(moves) if version is not None}:
        yield f"versions {strangers} answered and never were champion"
    yield from ledger.wrong
    try:
        folder = services.registry.folder(NAME, services.registry.champion(NAME))
        Predictor(folder).predict(CAT)
    except FoveaError as error:
        yield f"the champion cannot be used: {error}"


def left_behind(settings: Settings) -> Iterator[str]:
    """No temporary file is left, and no bundle that no row knows."""
    known = {(row.classifier, row.version) for row in db.session.scalars(select(ModelVersion))}
    for bundle in settings.models_dir.glob("*/*"):
        if not bundle.name.isdecimal() or (bundle.parent.name, int(bundle.name)) not in known:
            yield f"{bundle} belongs to nobody"
    yield from (f"{path} is left over" for path in _temporary(settings))


def _temporary(settings: Settings) -> Iterator[Path]:
    for folder in (settings.models_dir, settings.uploads_dir, settings.instance_dir):
        for pattern in (".new-*", "scratch-*", "new-*"):
            yield from folder.rglob(pattern)
    runs = settings.instance_dir / "runs"
    for run in runs.glob("*"):
        if db.session.scalar(select(Job.status).where(Job.id == run.name)) == "succeeded":
            yield run
