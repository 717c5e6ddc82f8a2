"""The errors of the client; each has a sentence for people."""

from __future__ import annotations

from typing import Any

import httpx


class FoveaError(Exception):
    """Base of every error of the client."""


class Unreachable(FoveaError):
    """No answer came: the address is wrong, nothing runs there, or it took too long."""


class Problem(FoveaError):
    """The service refused the call (RFC 9457): `status`, `title` and the sentence `detail`."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.detail = detail

    @classmethod
    def of(cls, answer: httpx.Response) -> Problem:
        """Read the problem from a response; any other response, for example of a proxy, gives its status."""
        title, detail = answer.reason_phrase, f"The server answered {answer.status_code} and did not say why."
        if answer.headers.get("Content-Type", "").startswith("application/problem+json"):
            body: dict[str, Any] = answer.json()
            title, detail = body.get("title", title), body.get("detail", detail)
        return cls(answer.status_code, title, detail)


class JobFailed(FoveaError):
    """A job ended as failed or cancelled; `job` is the service's answer about it."""

    def __init__(self, job: dict[str, Any]) -> None:
        reasons = [error["reason"] for error in job["errors"][:1]]
        super().__init__(" ".join([f"The job {job['id']} ended as {job['status']}.", *reasons]))
        self.job = job
