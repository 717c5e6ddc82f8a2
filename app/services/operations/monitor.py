"""The state of the service: host, queues, usage and drift."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import numpy as np
import psutil
from sqlalchemy import func, select

from app.classifiers.card import Card
from app.classifiers.catalog import Catalog
from app.config import Settings
from app.inference import drift
from app.services.datasets.versions import Versions
from app.services.jobs.queues import Queues
from app.services.jobs.transitions import ACTIVE
from app.services.operations.class_mix import ClassMix
from app.services.operations.processor import Processor
from app.services.serving.loaded_models import Serving
from app.services.serving.predict import Predict
from app.store.db import db, now
from app.store.registry import Registry
from app.store.tables import Image, Job, Prediction

WINDOW: Final = 1000
MIN_FOR_DRIFT: Final = 30


class Monitor:
    """The monitoring use cases."""

    def __init__(self, settings: Settings, catalog: Catalog, registry: Registry, queues: Queues, predict: Predict,
                 serving: Serving, versions: Versions, class_mix: ClassMix) -> None:  # fmt: skip
        self._settings = settings
        self._catalog = catalog
        self._registry = registry
        self._queues = queues
        self._predict = predict
        self._serving = serving
        self._versions = versions
        self._class_mix = class_mix
        self._started = time.time()
        self._processor = Processor()

    def ready(self) -> tuple[str, dict[str, str]]:
        """Check what predictions need; return "ok", "degraded" or "unavailable", and "ok" or what is wrong by part.

        Degraded: all are answered, but not each by the model that should.
        """
        try:
            db.session.execute(select(1))
        except Exception as error:  # noqa: BLE001 - whatever is wrong is what is reported
            return "unavailable", {"database": str(error), "models": "unknown"}
        wrong = self._predict.warm()
        found = "; ".join(f"{name}: {reason}" for name, reason in (self._serving.problems() | wrong).items())
        status = "unavailable" if wrong else "degraded" if found else "ok"
        return status, {"database": "ok", "models": found or "ok"}

    def status(self) -> dict[str, Any]:
        """Return what runs now: models, jobs, queues, workers and the host."""
        active = select(Job.status, func.count()).where(Job.status.in_(ACTIVE)).group_by(Job.status)
        return {
            "status": "ok",
            "uptime_seconds": round(time.time() - self._started, 1),
            "champions": {name: self._registry.alias(name, "champion") for name in self._catalog},
            "jobs": {"queued": 0, "running": 0} | {row[0]: row[1] for row in db.session.execute(active)},
            "queue": self._queues.state(),
            "host": self.host(),
        }

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
        where = [] if classifier is None else [Prediction.classifier == classifier]
        if hours is not None:
            where.append(Prediction.created_at > now() - timedelta(hours=hours))
        return {
            "classifier": classifier,
            "hours": hours,
            **_usage(*where),
            "latency_ms": _percentiles(_recent(Prediction.duration_ms, *where)),
            "jobs": _count_by(Job.status),
            "class_mix": None if classifier is None else self._class_mix.estimate(classifier),
            "host": self.host(),
        }

    def visualizations(self, classifier: str) -> dict[str, Any]:
        """Return the series behind the charts: the dataset, the champion's test figures and its training."""
        spec = self._catalog[classifier]
        version = self._registry.alias(classifier, "champion")
        card = None if version is None else self._registry.card(classifier, version)
        images, divided = Image.classifier == classifier, self._versions.preview(classifier).counts
        return {
            "classifier": classifier,
            "classes": list(spec.class_names),
            "dataset": {
                "by_class": _count_by(Image.label, images),
                "by_split": {split: sum(labels.values()) for split, labels in divided.items()},
                "widths": _histogram(db.session.scalars(select(Image.width).where(images)).all()),
            },
            "model": None if card is None else _figures(version, card),
            "predictions": {
                "by_class": _count_by(Prediction.predicted_class, Prediction.classifier == classifier),
                "confidence": _histogram(_recent(Prediction.confidence, Prediction.classifier == classifier)),
            },
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


def _figures(version: int | None, card: Card) -> dict[str, Any]:
    return {"version": version, "demo": card.demo, "metrics": card.metrics, "history": card.history}


def _recent(column: Any, *where: Any) -> Sequence[float]:  # noqa: ANN401 - SQL expressions
    query = select(column).where(*where).order_by(Prediction.created_at.desc()).limit(WINDOW)
    return db.session.scalars(query).all()


def _count_by(column: Any, *where: Any) -> dict[str, int]:  # noqa: ANN401 - SQL expressions
    query = select(column, func.count()).where(*where).group_by(column).order_by(column)
    return {str(name): count for name, count in db.session.execute(query)}


def _usage(*where: Any) -> dict[str, Any]:  # noqa: ANN401 - SQL expressions
    """Count the answers in every way at once: the log is read through a single time, however long it is."""
    groups = {
        "by_classifier": Prediction.classifier, "by_class": Prediction.predicted_class,
        "by_decision": Prediction.decision, "by_day": func.date(Prediction.created_at),
    }  # fmt: skip
    last_hour = Prediction.created_at > now() - timedelta(hours=1)
    kinds = (last_hour, Prediction.label.is_not(None), Prediction.label == Prediction.predicted_class)
    counts = (func.count(), *(func.count().filter(kind) for kind in kinds))
    rows = db.session.execute(select(*groups.values(), *counts).where(*where).group_by(*groups.values())).all()
    found: dict[str, Counter[str]] = {name: Counter() for name in groups}
    for row in rows:
        for name, key in zip(groups, row, strict=False):
            found[name][str(key)] += row[len(groups)]
    total, recent, labelled, correct = (sum(row[len(groups) + place] for row in rows) for place in range(len(counts)))
    return {
        "predictions": total,
        "last_hour": recent,
        **{name: dict(sorted(counted.items())) for name, counted in found.items()},
        "feedback": {
            "labelled": labelled,
            "correct": correct,
            "accuracy": round(correct / labelled, 4) if labelled else None,
        },
    }


def _percentiles(values: Sequence[float]) -> dict[str, float | None]:
    if not values:
        return {"p50": None, "p95": None, "p99": None}
    found = np.percentile(values, (50, 95, 99))
    return {name: round(float(value), 2) for name, value in zip(("p50", "p95", "p99"), found, strict=True)}


def _histogram(values: Sequence[float], bins: int = 10) -> dict[str, list[float]]:
    if not values:
        return {"edges": [], "counts": []}
    found, edges = np.histogram(values, bins=bins)
    return {"edges": [round(float(edge), 4) for edge in edges], "counts": [int(count) for count in found]}
