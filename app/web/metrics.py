"""Counters and latencies for Prometheus, summed over the web workers."""

from __future__ import annotations

import time

from flask import Flask, Response, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

REQUESTS = Counter("fovea_requests", "Requests answered", ["method", "endpoint", "status"])
REFUSED = Counter("fovea_predictions_refused", "Predictions refused because too many were in progress")
SECONDS = Histogram(
    "fovea_request_seconds",
    "Seconds from a request's arrival to its answer",
    ["endpoint"],
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)


def register(app: Flask) -> None:
    """Count every request."""
    app.before_request(_start)
    app.after_request(_count)


def answer() -> Response:
    """Give the figures of every worker where they share a folder, else this process' own."""
    registry = CollectorRegistry()
    try:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types
    except ValueError:  # no shared folder is set: a single process
        registry = REGISTRY
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _start() -> None:
    g.started = time.perf_counter()


def _count(response: Response) -> Response:
    endpoint = request.endpoint or "none"
    REQUESTS.labels(request.method, endpoint, response.status_code).inc()
    if "started" in g:
        SECONDS.labels(endpoint).observe(time.perf_counter() - g.started)
    return response
