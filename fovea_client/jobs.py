"""Long work: how far it is, waiting for it, its end and its results."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from fovea_client.errors import JobFailed
from fovea_client.transport import Transport, wait_seconds

ACTIVE: Final = ("queued", "running")
Watch = Callable[[dict[str, Any]], None]


class Job:
    """A job of the service, by its id."""

    def __init__(self, transport: Transport, job_id: str) -> None:
        self.id = job_id
        self._transport = transport
        self._path = f"/api/jobs/{job_id}"

    def state(self) -> dict[str, Any]:
        """Return its present state: status, progress, history, errors, result."""
        found: dict[str, Any] = self._transport.call("GET", self._path).json()
        return found

    def wait(self, watch: Watch | None = None, timeout: float | None = None) -> dict[str, Any]:
        """Return its state once it has succeeded; `watch` is called with every state on the way.

        Raises JobFailed when it fails or is cancelled, TimeoutError when it takes longer than `timeout` seconds.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            answer = self._transport.call("GET", self._path)
            state: dict[str, Any] = answer.json()
            if watch is not None:
                watch(state)
            if state["status"] == "succeeded":
                return state
            if state["status"] not in ACTIVE:
                raise JobFailed(state)
            if end is not None and time.monotonic() > end:
                raise TimeoutError(f"The job {self.id} is still {state['status']} after {timeout:g} seconds.")
            time.sleep(wait_seconds(answer))

    def results(self) -> list[dict[str, Any]]:
        """Return a bulk prediction's answers so far, one for each image: `file`, then the answer or `error`."""
        found: list[dict[str, Any]] = self._transport.call("GET", f"{self._path}/results").json()
        return found

    def cancel(self) -> dict[str, Any]:
        """Cancel it; a running training stops at its next step."""
        found: dict[str, Any] = self._transport.call("DELETE", self._path).json()
        return found

    def retry(self) -> None:
        """Queue it again after it failed or was cancelled; finished work is kept."""
        self._transport.call("POST", f"{self._path}/retry")
