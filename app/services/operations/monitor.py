"""The state of the service: host, queues and usage."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import psutil
from sqlalchemy import func, select

from app.classifiers.catalog import Catalog
from app.config import Settings
from app.errors import NotFound, Unavailable
from app.services.jobs.queues import Queues
from app.services.jobs.transitions import ACTIVE
from app.services.models.performance import figures, unknown
from app.services.operations.counts import count_by, recent
from app.services.operations.processor import Processor
from app.services.serving.latency import percentiles
from app.services.serving.loaded_models import Serving
from app.services.serving.usage import usage
from app.store.db import db, now
from app.store.registry import Registry
from app.store.tables import Job, Prediction


class Monitor:
    """The monitoring use cases."""

    def __init__(
        self, settings: Settings, catalog: Catalog, registry: Registry, queues: Queues, serving: Serving
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._registry = registry
        self._queues = queues
        self._serving = serving
        self._started = time.time()
        self._processor = Processor()

    def status(self, classifier: str) -> dict[str, Any]:
        """Return what runs now: models, jobs, queues, workers, the host, and how good the champions are.

        The figures of `classifier` also stand by themselves, as `app.services.models.performance` gives them.
        """
        active = select(Job.status, func.count()).where(Job.status.in_(ACTIVE)).group_by(Job.status)
        performance = {name: self._performance(name) for name in self._catalog}
        spec = self._catalog[classifier]
        return {
            "status": "ok",
            "uptime_seconds": round(time.time() - self._started, 1),
            "classifier": spec.name,
            **performance[spec.name],
            "champions": {name: self._registry.alias(name, "champion") for name in self._catalog},
            "performance": performance,
            "jobs": {"queued": 0, "running": 0} | {row[0]: row[1] for row in db.session.execute(active)},
            "queue": self._queues.state(),
            "host": self.host(),
        }

    def _performance(self, classifier: str) -> dict[str, Any]:
        """Return the figures of the model that answers, from its card in memory."""
        try:
            model = self._serving.champion(classifier)
        except (NotFound, Unavailable):
            return unknown()
        return figures(model.version, model.predictor.card)

    def host(self) -> dict[str, Any]:
        """Return CPU, memory and disk figures of this machine."""
        memory, disk = psutil.virtual_memory(), psutil.disk_usage(str(self._settings.data_dir))
        return {
            "cpu_percent": self._processor.percent(),
            "cpu_count": psutil.cpu_count(),
            "load_average": [round(value, 2) for value in psutil.getloadavg()],
            "memory_percent": memory.percent,
            "memory_used_bytes": memory.used,
            "memory_total_bytes": memory.total,
            "disk_percent": disk.percent,
            "disk_used_bytes": disk.used,
            "disk_total_bytes": disk.total,
            "process_memory_bytes": psutil.Process().memory_info().rss,
        }

    def statistics(self, classifier: str | None = None, hours: int | None = None) -> dict[str, Any]:
        """Return usage figures of the last `hours`, or of all time: answers by class, decision, day; latency."""
        if classifier is not None:
            self._catalog[classifier]
        since = None if hours is None else now() - timedelta(hours=hours)
        where = [] if classifier is None else [Prediction.classifier == classifier]
        if since is not None:
            where.append(Prediction.created_at > since)
        return {
            "classifier": classifier,
            "hours": hours,
            **usage(classifier, since),
            "latency_ms": percentiles(recent(Prediction.duration_ms, *where), 50, 95, 99),
            "jobs": count_by(Job.status),
            "host": self.host(),
        }
