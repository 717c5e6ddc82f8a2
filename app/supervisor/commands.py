"""The command line of each process."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from app.config import CHECKOUT, PRIVATE, Settings
from app.errors import ConfigError
from app.supervisor.checks import find_redis_server


@dataclass(frozen=True)
class Command:
    """A process: the name that prefixes its lines, its arguments, whether it ends by itself, its log."""

    name: str
    argv: tuple[str, ...]
    once: bool = False
    log: str = "its lines above"


def _module(name: str, *argv: str, once: bool = False) -> Command:
    return Command(name, (sys.executable, "-m", *argv), once)


def redis(settings: Settings) -> Command:
    """Return the embedded Redis' command: a Unix socket only, and writes on disk within a second."""
    folder = settings.redis_socket.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder != settings.instance_dir and not _is_private(folder):  # somebody else may have made it first
        raise ConfigError(f"The folder {folder} must be this user's alone; remove it, or set a shorter DATA_DIR.")
    listen = ("--port", "0", "--unixsocket", str(settings.redis_socket), "--unixsocketperm", "700")
    keep = ("--dir", str(settings.instance_dir), "--appendonly", "yes", "--save", "")
    log = str(settings.instance_dir / "redis.log")
    quiet = ("--loglevel", "warning", "--logfile", log)
    return Command("redis", (find_redis_server(), *listen, *keep, *quiet), log=log)


def _is_private(folder: Path) -> bool:
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & PRIVATE


def prepare() -> Command:
    """Return the command that creates the tables and registers the bundles."""
    return _module("init", "flask", "--app", "wsgi", "init", once=True)


def web() -> Command:
    """Return the web server's command."""
    return _module("web", "gunicorn", "--config", str(CHECKOUT / "deploy" / "gunicorn.conf.py"), "wsgi:app")


def background(settings: Settings) -> list[Command]:
    """Return the commands of the background processes: a worker for each queue, and the schedule."""
    schedule = str(settings.instance_dir / "beat-schedule")
    return [
        _worker("batch", "-P", "prefork", "-c", str(settings.batch_concurrency)),
        _worker("training", "-P", "prefork", "-c", "1", "--max-tasks-per-child", "1"),
        _worker("system", "-P", "solo"),
        _module("beat", "celery", "--quiet", "-A", "worker.celery_app", "beat", "--schedule", schedule),
    ]


def _worker(queue: str, *options: str) -> Command:
    celery = ("celery", "--quiet", "-A", "worker.celery_app", "worker")
    place = ("-Q", queue, "-n", f"{queue}@%h")
    alone = ("--without-gossip", "--without-mingle")  # the workers do not need to know of each other
    return _module(queue, *celery, *place, *alone, *options)


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment of every process."""
    return os.environ | {
        "OMP_NUM_THREADS": "1",  # many small processes share the cores
        "PROMETHEUS_MULTIPROC_DIR": str(settings.metrics_dir),
        "PYTHONUNBUFFERED": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
