"""One process: started in its own session, read without blocking, restarted after a pause."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import IO

from app.config import CHECKOUT
from app.lifeline import die_with_parent
from app.logs import printable
from app.supervisor.commands import Command

STABLE_AFTER = 30.0  # a process that ran this many seconds has its failures forgotten


class Child:
    """A process and its record; `failures` counts the unexpected ends in a row."""

    def __init__(self, command: Command, env: Mapping[str, str], lock: int) -> None:
        self.name, self.once, self.log = command.name, command.once, command.log
        self.failures = 0
        self._command, self._env, self._lock = command, env, lock
        self._process: subprocess.Popen[bytes] | None = None
        self._started = self._ended = 0.0
        self._partial = b""

    def start(self) -> IO[bytes]:
        """Start the process; return the pipe that carries what it prints."""
        self._started = time.monotonic()
        self._process = subprocess.Popen(  # noqa: S603  # our own commands, no shell
            self._command.argv,
            cwd=CHECKOUT,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops the rest in order
            pass_fds=(self._lock,),
            preexec_fn=die_with_parent,  # noqa: PLW1509  # safe: one thread; after SIGTERM Celery would wait for Redis
        )
        assert self._process.stdout is not None  # noqa: S101  # given PIPE above
        return self._process.stdout

    @property
    def running(self) -> bool:
        """Whether the process was started and has not been seen to end."""
        return self._process is not None and self._process.returncode is None

    @property
    def code(self) -> int | None:
        """The exit code of a process that ended."""
        return None if self._process is None else self._process.returncode

    def ended(self) -> bool:
        """Notice once that the process ended; what it left in its session is killed."""
        if self._process is None or not self.running or self._process.poll() is None:
            return False
        self._ended = time.monotonic()
        self.failures = 1 if self._ended - self._started > STABLE_AFTER else self.failures + 1
        self.signal(signal.SIGKILL)
        return True

    def due(self) -> bool:
        """Whether the pause before the next start, doubled with each failure, is over."""
        pause: float = 2 ** (self.failures - 1)
        return time.monotonic() - self._ended >= pause

    def lines(self, chunk: bytes) -> list[str]:
        """Take bytes that the process printed, none at its end; return the lines that they complete."""
        *whole, self._partial = (self._partial + (chunk or b"\n")).split(b"\n")
        return [printable(line.decode(errors="replace").expandtabs().rstrip()) for line in whole if line.strip()]

    def signal(self, number: int) -> None:
        """Send a signal to the process; SIGKILL reaches also all that it started."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                send = os.killpg if number == signal.SIGKILL else os.kill
                send(self._process.pid, number)
