"""The state of the service: probes, figures, drift."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask_openapi3 import APIBlueprint, Tag

from app.web import metrics
from app.web.context import services
from app.web.docs import problems
from app.web.schemas import ClassifierPath, OptionalClassifier

blueprint = APIBlueprint("state", __name__, abp_tags=[Tag(name="State")])


@blueprint.get("/livez")
def livez() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok"}


@blueprint.get("/readyz")
def readyz() -> tuple[dict[str, Any], int]:
    """Say whether predictions can be answered; 503 and the reasons when not."""
    checks = services().monitor.ready()
    fine = all(found == "ok" for found in checks.values())
    return {"status": "ok" if fine else "unavailable", "checks": checks}, 200 if fine else 503


@blueprint.get("/api/health")
def health() -> tuple[dict[str, Any], int]:
    """Give the same as /readyz, and whether the queue can be reached: predictions go on without it."""
    answer, status = readyz()
    queue = services().queues.state()
    return answer | {
        "queue": "ok" if queue["available"] else "down",
        "workers": len(queue["workers"]),
    }, status


@blueprint.get("/api/status")
def status() -> dict[str, Any]:
    """Give what runs now: models, jobs, queues, workers and the host."""
    return services().monitor.status()


@blueprint.get("/api/statistics", responses=problems(404))
def statistics(query: OptionalClassifier) -> dict[str, Any]:
    """Give usage figures and the host's."""
    return services().monitor.statistics(query.classifier)


@blueprint.get("/api/drift/<classifier>", responses=problems(404))
def drift(path: ClassifierPath) -> dict[str, Any]:
    """Compare the latest answers with what the model saw in training."""
    return services().monitor.drift(path.classifier)


@blueprint.get("/metrics")
def prometheus() -> Response:
    """Give the counters of all web workers to Prometheus."""
    return metrics.answer()
