"""Starts the processes in order, prints their output, restarts those that end, and stops them all.

Honcho's manager, the usual choice, stops everything when one process ends, signals all of them at once and
forks a process to read the output of each. Fovea needs restarts, Redis first and last, and no process left behind.
"""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from itertools import cycle
from typing import IO, NoReturn, cast

import click

from app.config import Settings
from app.errors import Unavailable
from app.supervisor import BEGUN, commands
from app.supervisor.child import Child

EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 0, signal.SIGHUP: 0}
COLOURS = ("cyan", "yellow", "green", "magenta", "blue", "bright_cyan")
RESTARTS = 3
REDIS_WITHIN, INIT_WITHIN, READY_WITHIN = 15.0, 60.0, 60.0
# The signals that stop, and the seconds to wait. To Celery TERM means "finish the task", QUIT "put it back".
STOP_STAGES = ((signal.SIGTERM, 4.0), (signal.SIGQUIT, 3.0), (signal.SIGKILL, 1.0))


class Supervisor:
    """Runs Fovea with these settings; children inherit the lock's descriptor."""

    def __init__(self, settings: Settings, lock: int) -> None:
        self._settings = settings
        self._lock = lock
        self._env = commands.environment(settings)
        self._selector = selectors.DefaultSelector()
        self._children: list[Child] = []
        self._colours = cycle(COLOURS)
        self._prefixes: dict[str, str] = {}
        self._signals: list[signal.Signals] = []

    def run(self) -> NoReturn:
        """Run until a signal, then exit; Unavailable when a process cannot be kept running."""
        for number in EXIT_CODES:
            signal.signal(number, lambda received, _: self._signals.append(signal.Signals(received)))
        try:
            self._start()
            while True:
                self._turn()
        finally:
            self._stop()

    def _start(self) -> None:
        shutil.rmtree(self._settings.metrics_dir, ignore_errors=True)  # the counts of processes that are gone
        self._settings.metrics_dir.mkdir(mode=0o700)
        if self._settings.embedded_redis:
            self._spawn(commands.redis(self._settings))
        self._wait(self._redis_answers, REDIS_WITHIN, "Redis did not answer; if REDIS_URL is set, check it")
        self._prepare()
        self._spawn(commands.web())
        self._wait(self._ready, READY_WITHIN, "The web server did not become ready")
        for command in commands.background(self._settings):  # later, so that the web has the cores at its start
            self._spawn(command)
        self._announce()

    def _prepare(self) -> None:
        init = self._spawn(commands.prepare())
        self._wait(lambda: init.code is not None, INIT_WITHIN, "Preparing the database took too long")
        self._children.remove(init)
        if init.code != 0:
            raise Unavailable("Fovea could not be prepared; see the lines above.")

    def _spawn(self, command: commands.Command) -> Child:
        child = Child(command, self._env, self._lock)
        self._prefixes[child.name] = click.style(f"{child.name:>8} | ", fg=next(self._colours))
        self._children.append(child)
        self._launch(child)
        return child

    def _launch(self, child: Child) -> None:
        self._selector.register(child.start(), selectors.EVENT_READ, child)

    def _wait(self, condition: Callable[[], bool], seconds: float, failure: str) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise Unavailable(f"{failure} ({seconds:.0f} seconds waited).")
            self._turn()

    def _turn(self) -> None:
        """Run one step of the loop: print output, restart ended processes, exit after a signal."""
        self._echo(0.1)
        for child in self._children:
            if child.ended():
                self._echo(0)
            if child.running or child.once:
                continue
            if child.failures > RESTARTS:
                raise Unavailable(f"{child.name} ended {child.failures} times in a row; see {child.log}.")
            if child.due():
                self._say(f"{child.name} ended unexpectedly (exit code {child.code}) and is started again.")
                self._launch(child)
        if self._signals:
            sys.exit(EXIT_CODES[self._signals[0]])

    def _echo(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            pipe, child = cast("IO[bytes]", key.fileobj), cast("Child", key.data)
            chunk = os.read(pipe.fileno(), 65536)
            for line in child.lines(chunk):
                _print(self._prefixes[child.name] + line)
            if not chunk:
                self._selector.unregister(pipe)
                pipe.close()

    def _redis_answers(self) -> bool:
        from redis import Redis, RedisError  # noqa: PLC0415  # takes 0.3 s, while Redis itself starts

        with (
            suppress(RedisError),
            Redis.from_url(self._settings.redis, socket_timeout=1, retry=None) as redis,
        ):
            return bool(redis.ping())
        return False

    def _ready(self) -> bool:
        connection = HTTPConnection(self._host, self._settings.port, timeout=2)
        with suppress(OSError, HTTPException):
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200  # noqa: PLR2004  # HTTP's OK
        return False

    @property
    def _host(self) -> str:
        """An address at which this machine reaches the server."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._settings.host, self._settings.host)  # noqa: S104 - compared, not bound

    def _announce(self) -> None:
        host = f"[{self._host}]" if ":" in self._host else self._host
        seconds = time.monotonic() - BEGUN
        address = f"http://{host}:{self._settings.port}"
        self._say(f"Fovea is ready at {address} after {seconds:.1f} s (Ctrl-C stops it).")

    def _stop(self) -> None:
        """Stop everything, Redis last; a second signal from the user skips the waiting."""
        self._say("Stopping.")
        last = [child for child in self._children if child.name == "redis"]
        self._stop_children([child for child in self._children if child not in last])
        self._stop_children(last)
        shutil.rmtree(self._settings.metrics_dir, ignore_errors=True)
        self._say("Stopped.")

    def _stop_children(self, children: Sequence[Child]) -> None:
        asked = len(self._signals)
        for number, seconds in STOP_STAGES:
            deadline = time.monotonic() + seconds
            for child in (each for each in children if each.running):
                child.signal(number)
            while any(child.running for child in children) and time.monotonic() < deadline:
                self._echo(0.05)
                for child in children:
                    child.ended()
                if len(self._signals) > asked and number != signal.SIGKILL:
                    break

    def _say(self, sentence: str) -> None:
        _print(click.style(f"{'fovea':>8} | ", bold=True) + sentence)


def _print(line: str) -> None:
    with suppress(OSError):  # the terminal may be gone; the work goes on, or is being stopped
        click.echo(line)
