"""The tasks. Each is safe to deliver twice: a job is claimed in the database before anything is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from flask import Flask

from app.actor import acting_as
from app.factory import EXTENSION, create_core
from app.logs import on_behalf_of
from app.services.jobs.queues import DELIVER, PRUNE, ROUTES, SWEEP
from app.services.jobs.transitions import origin
from app.services.wiring import Services
from worker.celery_app import LONGEST_TRAINING, celery_app


@cache
def _core() -> Flask:
    """Build the application once in each worker process, after the fork."""
    return create_core()


@contextmanager
def _for(job_id: str) -> Iterator[Services]:
    """Give the use cases; what is logged meanwhile names the request that started the job."""
    with _core().app_context():
        services: Services = _core().extensions[EXTENSION]
        services.tidy.sweep_when_due()
        request, actor = origin(job_id)
        with on_behalf_of(request), acting_as(actor):
            yield services


@celery_app.task(name=ROUTES["bulk_predict"].task)
def bulk_predict(job_id: str) -> None:
    """Answer one chunk of a bulk prediction."""
    with _for(job_id) as services:
        services.batch.work(job_id)


@celery_app.task(name=ROUTES["audit"].task)
def audit(job_id: str) -> None:
    """Look through a dataset for what would fool a model."""
    with _for(job_id) as services:
        services.jobs.run(job_id, services.audit.run)


@celery_app.task(name=ROUTES["upload"].task)
def upload(job_id: str) -> None:
    """Take labelled images that were received into a dataset."""
    with _for(job_id) as services:
        services.uploads.work(job_id)


@celery_app.task(name=ROUTES["retrain"].task, time_limit=LONGEST_TRAINING)
def retrain(job_id: str) -> None:
    """Train a new model version and let the gate decide."""
    with _for(job_id) as services:
        services.jobs.run(job_id, lambda job: services.training_run().run(job))  # loaded by who has the claim only


@celery_app.task(name=SWEEP.task)
def sweep() -> None:
    """Put right what died, and count the predictions."""
    with _core().app_context():
        services: Services = _core().extensions[EXTENSION]
        services.tidy.sweep_when_due()
        services.limits.sweep()
        empty = services.queues.empty()
        services.jobs.sweep(empty)
        services.batch.sweep(empty)
        services.history.count()


@celery_app.task(name=DELIVER.task)
def deliver() -> None:
    """Tell the webhook what changed."""
    with _core().app_context():
        services: Services = _core().extensions[EXTENSION]
        services.webhooks.deliver()


@celery_app.task(name=PRUNE.task)
def prune() -> None:
    """Delete what the settings say is kept no longer."""
    with _core().app_context():
        services: Services = _core().extensions[EXTENSION]
        services.retention.prune()
        services.tidy.sweep_when_due()
