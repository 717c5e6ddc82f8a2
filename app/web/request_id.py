"""Each request's id: the one that the client or a proxy gave it, or a new one; in its answer, its jobs and its logs."""

from __future__ import annotations

import re
from typing import Final

from flask import Flask, Response, request

from app.logs import ENVIRON, current_request
from app.store.db import new_id

HEADER: Final = "X-Request-ID"
WELL_FORMED: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def register(app: Flask) -> None:
    """Give every request its id, before anything else is done."""
    app.before_request(_begin)
    app.after_request(_tell)
    app.teardown_request(lambda _: current_request.set(None) and None)


def _begin() -> None:
    given = request.headers.get(HEADER, "")
    found = given if WELL_FORMED.fullmatch(given) else new_id()
    request.environ[ENVIRON] = found
    current_request.set(found)


def _tell(response: Response) -> Response:
    response.headers[HEADER] = request.environ[ENVIRON]
    return response
