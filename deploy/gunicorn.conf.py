"""Gunicorn's settings, for `make run` and for containers alike; Fovea's own come from the environment."""

from __future__ import annotations

import json
import os
import resource
from pathlib import Path
from typing import Any

from gunicorn import util
from gunicorn.workers import ggevent

from app import logs
from app.config import Settings
from deploy import balance

settings = Settings.from_env()

bind = f"[{settings.host}]:{settings.port}" if ":" in settings.host else f"{settings.host}:{settings.port}"
workers = settings.web_concurrency
worker_class = "gevent"  # idle and half-sent connections cost nothing; decoding and inference run in a thread
worker_connections = 1000  # per worker
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  # heartbeats must not wait for a disk
preload_app = False  # no model is loaded before a fork

timeout = 60  # a worker whose loop stands still for so long is replaced
graceful_timeout = 3  # requests in flight when Fovea stops
keepalive = 10  # seconds: longer than any Retry-After, or a poller would ask on a connection that is being closed

forwarded_allow_ips = ""  # TRUSTED_PROXIES alone says what X-Forwarded-... is believed

# A body's size is the application's own limit, MAX_UPLOAD_MB.
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190

accesslog = "-" if settings.access_log == "on" else None
logger_class = "deploy.access_log.AccessLog"
loglevel = "warning"
control_socket_disable = True  # nothing but signals steers the server

# A bulk upload may hold thousands of files, each a temporary file while the request lasts.
_, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))

metrics = Path(os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(settings.metrics_dir)))
metrics.mkdir(mode=0o700, parents=True, exist_ok=True)


def pre_fork(server: Any, worker: Any) -> None:  # noqa: ANN401, ARG001  # gunicorn's own classes are untyped
    """Give a worker its place among those that share the connections."""
    worker.place = balance.enter()


def post_fork(server: Any, worker: Any) -> None:  # noqa: ANN401, ARG001  # as above
    """Tell the worker's server its place."""
    logs.configure()
    balance.BalancedServer.place = worker.place


def child_exit(server: Any, worker: Any) -> None:  # noqa: ANN401, ARG001  # as above
    """Take a dead worker out of those that share the connections, and its gauges out of /metrics."""
    from prometheus_client import multiprocess  # noqa: PLC0415  # reads PROMETHEUS_MULTIPROC_DIR when imported

    balance.leave(worker.place)
    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # the library has no hints here


def write_problem(sock: Any, status: int, reason: str, message: str) -> None:  # noqa: ANN401  # as gunicorn calls it
    """Answer what never reaches the application, such as a line that is too long, with a problem like its own."""
    problem = {"type": "about:blank", "title": reason, "status": status, "detail": f"{message or reason}."}
    body = json.dumps(problem).encode()
    head = f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"
    util.write_nonblock(sock, f"{head}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body)


# gunicorn has no settings for these: it answers with a page, and lets the quickest worker have every connection
util.write_error = write_problem
ggevent.StreamServer = balance.BalancedServer
