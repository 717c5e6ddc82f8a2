"""A worker's health probe: `python -m deploy.alive` ends with status 1 when no worker of this host shows life.

Each worker leaves a sign of life in Redis every two seconds, which fades after fifteen; to read it costs less than to
ask Celery. While Redis is away nothing is known, and new workers would not bring it back: status 0.
"""

from __future__ import annotations

import socket
import sys

from app.config import Settings
from app.services.jobs.queues import Queues


def main() -> int:
    """Return the exit status."""
    state = Queues(Settings.from_env().redis).state()
    names = {worker["name"].partition("@")[2] for worker in state["workers"]}
    return 0 if not state["available"] or socket.gethostname() in names else 1


if __name__ == "__main__":
    sys.exit(main())
