"""Work that a command does itself: it ends with the command, however that is stopped."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

from app.services.jobs.jobs import Jobs
from app.store.tables import Job

ENDINGS: Final = (signal.SIGTERM, signal.SIGHUP)  # Python ends at these without a word, and at Ctrl-C with an error
STOPPED: Final = "The command that ran it was stopped; retry it to go on where it was."


def run_in_foreground(jobs: Jobs, job_id: str, work: Callable[[Job], dict[str, Any]]) -> None:
    """Do a job in this process; a signal that ends the process cancels the job first."""
    try:
        with _signals_as_errors():
            jobs.run(job_id, work)
    except (KeyboardInterrupt, SystemExit):
        jobs.stop(job_id, STOPPED)
        raise


@contextmanager
def _signals_as_errors() -> Iterator[None]:
    """Raise SystemExit at a signal that would end the process at once."""
    before = {number: signal.signal(number, _exit) for number in ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _exit(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)
