"""The state of the service: probes, figures, drift."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask_openapi3 import APIBlueprint, Tag

from app.context import services
from app.web import metrics
from app.web.docs import operation_id, problems
from app.web.schemas.requests import ClassifierField, ClassifierPath, StatisticsQuery

blueprint = APIBlueprint("state", __name__, abp_tags=[Tag(name="State")], operation_id_callback=operation_id)


@blueprint.get("/livez")
def livez() -> dict[str, str]:
    """Liveness probe: the process answers."""
    return {"status": "ok"}


@blueprint.get("/readyz")
def readyz() -> tuple[dict[str, Any], int]:
    """Readiness probe: 503 with the reasons when predictions cannot be answered.

    `degraded` is still 200: a new model cannot be used, and an older one answers.
    """
    state, checks = services().readiness.check()
    return {"status": state, "checks": checks}, 503 if state == "unavailable" else 200


@blueprint.get("/api/health")
def health() -> tuple[dict[str, Any], int]:
    """Give the same as /readyz, and whether the queue can be reached; predictions do not need it."""
    answer, status = readyz()
    queue = services().queues.state()
    return answer | {
        "queue": "ok" if queue["available"] else "down",
        "workers": len(queue["workers"]),
    }, status


@blueprint.get("/api/status", responses=problems(404))
def status(query: ClassifierField) -> dict[str, Any]:
    """Give what runs now: models and how good they are, jobs, queues, workers and the host.

    `accuracy`, `precision`, `recall` and `f1` of the classifier asked for stand by themselves, those of all below
    `performance`: on `test_images` images, with 95 % intervals; `of` says of which class, or that they are means.
    """
    return services().monitor.status(query.classifier)


@blueprint.get("/api/statistics", responses=problems(404))
def statistics(query: StatisticsQuery) -> dict[str, Any]:
    """Give usage figures, the class mix of a classifier's latest images as its answers tell it, and the host's."""
    mix = None if query.classifier is None else services().class_mix.estimate(query.classifier)
    return services().monitor.statistics(query.classifier, query.hours) | {"class_mix": mix}


@blueprint.get("/api/drift/<classifier>", responses=problems(404))
def drift(path: ClassifierPath) -> dict[str, Any]:
    """Compare the latest answers with what the model saw in training."""
    return services().drift.report(path.classifier)


@blueprint.get("/metrics")
def prometheus() -> Response:
    """Give the counters of all web workers to Prometheus."""
    return metrics.answer()
