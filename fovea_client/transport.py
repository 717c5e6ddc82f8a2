"""HTTP calls: key, timeouts, retries, and errors as exceptions."""

from __future__ import annotations

import time
from typing import Any

import httpx

from fovea_client.errors import Problem, Unreachable

CONNECT_SECONDS = 5.0
UNAVAILABLE = 503
MAX_WAIT_SECONDS = 30.0


class Transport:
    """Makes calls; one that the service cannot answer now (503) is made again after the time that it names."""

    def __init__(self, url: str, api_key: str | None, timeout: float, retries: int) -> None:
        self._retries = retries
        self._http = httpx.Client(
            base_url=url,
            timeout=httpx.Timeout(timeout, connect=CONNECT_SECONDS),
            headers={"Accept": "application/json"} | ({"Authorization": f"Bearer {api_key}"} if api_key else {}),
        )

    def call(self, method: str, path: str, **sent: Any) -> httpx.Response:  # noqa: ANN401 - httpx' own arguments
        """Return the answer, below 400; raise Problem or Unreachable."""
        for attempt in range(self._retries + 1):
            answer = self._once(method, path, **sent)
            if answer.is_success:
                return answer
            if answer.status_code != UNAVAILABLE or attempt == self._retries:
                break
            time.sleep(wait_seconds(answer))
        raise Problem.of(answer)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _once(self, method: str, path: str, **sent: Any) -> httpx.Response:  # noqa: ANN401 - httpx' own arguments
        for _, (_, content) in sent.get("files", ()):
            if not isinstance(content, bytes):
                content.seek(0)  # a retry sends the whole file again
        try:
            return self._http.request(method, path, **sent)
        except httpx.TimeoutException as error:
            raise Unreachable(f"{self._http.base_url} did not answer in time; give a longer timeout.") from error
        except httpx.TransportError as error:
            raise Unreachable(f"{self._http.base_url} cannot be reached ({error}); check the address.") from error


def wait_seconds(answer: httpx.Response, otherwise: float = 1.0) -> float:
    """Return what Retry-After asks for, within reason."""
    asked = answer.headers.get("Retry-After", "")
    return min(float(asked), MAX_WAIT_SECONDS) if asked.isdecimal() else otherwise
