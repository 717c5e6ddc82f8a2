"""The state of the service: host, queues, usage and drift."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any, Final

import psutil
from sqlalchemy import func, select

from app.classifiers.catalog import Catalog
from app.config import Settings
from app.errors import NotFound, Unavailable
from app.inference import drift
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

WINDOW: Final = 1000
MIN_FOR_DRIFT: Final = 30


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

    def drift(self, classifier: str) -> dict[str, Any]:
        """Compare the champion's latest answers with what it saw in training (population stability index)."""
        self._catalog[classifier]
        version = self._registry.champion(classifier)
        card = self._registry.card(classifier, version)
        where = (Prediction.classifier == classifier, Prediction.model_version == version)
        query = select(Prediction.confidence, Prediction.measures).where(*where)
        rows = db.session.execute(query.order_by(Prediction.created_at.desc()).limit(WINDOW)).all()
        answer: dict[str, Any] = {
            "classifier": classifier,
            "model_version": version,
            "predictions": len(rows),
        }
        if len(rows) < MIN_FOR_DRIFT:
            return answer | {"verdict": "too_few", "needed": MIN_FOR_DRIFT, "measures": {}}
        looks = [{"confidence": row.confidence, **row.measures} for row in rows]
        measures = {
            name: _drift(reference, [each[name] for each in looks if name in each])
            for name, reference in card.reference.histograms.items()
            if sum(name in each for each in looks) >= MIN_FOR_DRIFT  # an older model's card may name another measure
        }
        worst = max(measures.values(), key=lambda found: float(found["psi"]))
        return answer | {"verdict": worst["verdict"], "measures": measures}


def _drift(reference: dict[str, list[float]], values: list[float]) -> dict[str, Any]:
    share = drift.histogram(values, reference["edges"])
    psi = drift.psi(reference["share"], share)
    return {
        "psi": round(psi, 4),
        "verdict": drift.verdict(psi),
        "share": list(share),
        "edges": reference["edges"],
        "reference_share": reference["share"],
    }
