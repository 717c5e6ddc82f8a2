"""Turns errors into answers: problem details (RFC 9457) for programs, a page for people."""

from __future__ import annotations

import errno
import logging
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

from flask import Flask, Response, jsonify, make_response, render_template, request
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, RequestTimeout

from app import errors
from app.config import MEGABYTE
from app.faults import sentence

log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
DRAIN_BYTES: Final = 64_000_000
DRAIN_STEP: Final = 65_536

# The first class that fits decides; the order is from special to general.
STATUS: Final[tuple[tuple[type[errors.FoveaError], int], ...]] = (
    (errors.UnsupportedMedia, 415),
    (errors.TooLarge, 413),
    (errors.InvalidInput, 400),
    (errors.Unauthorized, 401),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.Unavailable, 503),
    (errors.FoveaError, 500),
)

# Headers that belong to a status.
HEADERS: Final = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "2"}}

# Phrases of RFC 9110 that replaced older ones.
PHRASES: Final = {413: "Content Too Large", 422: "Unprocessable Content"}

_SENTENCES: Final = {
    404: "There is nothing at {request.path}; see /docs for the calls there are.",
    405: "{request.path} does not answer {request.method}; see /docs for what it answers.",
    408: "The request's body did not come in time; send it again, or a smaller one.",
}


class Problem(BaseModel):
    """An error as RFC 9457 describes it."""

    type: str = Field(default="about:blank")
    title: str = Field(description="The standard phrase of the HTTP status")
    status: int = Field(description="The HTTP status")
    detail: str = Field(description="What is wrong and what to do, in one sentence")


def register(app: Flask) -> None:
    """Answer every error in one place."""
    app.register_error_handler(errors.FoveaError, _on_domain_error)
    app.register_error_handler(ValidationError, on_validation_error)
    app.register_error_handler(HTTPException, _on_http_error)
    app.register_error_handler(Exception, _on_bug)


def on_validation_error(error: ValidationError) -> Response:
    """Say which field is wrong, and how."""
    return _answer(400, sentence(error))


def _on_domain_error(error: errors.FoveaError) -> Response:
    status = next(status for kind, status in STATUS if isinstance(error, kind))
    answer = _answer(status, str(error), **_more(error))
    answer.headers.update(HEADERS.get(status, {}))
    return answer


def asks_for_page() -> bool:
    """Say whether a person's browser asks, which wants a page; programs want problem details."""
    wants = request.accept_mimetypes.best_match([MEDIA_TYPE, "text/html"])
    return wants == "text/html" and not request.path.startswith("/api")


def _on_http_error(error: HTTPException) -> Response:
    if isinstance(error, RequestEntityTooLarge):
        _drain()
        limit = _size(request.max_content_length or 0)
        return _answer(413, f"The body is over the limit of {limit} for this call; send a smaller one.")
    if error.response is not None:  # an answer made elsewhere, by the validation of a path or a query
        return make_response(error.response)
    status = error.code or 500
    detail = _SENTENCES.get(status, error.description or "It cannot be done.").format(request=request)
    answer = _answer(status, detail)
    answer.headers.extend({name: value for name, value in error.get_headers() if name == "Allow"})
    return answer


def _on_bug(error: Exception) -> Response:
    if lacking := _lacking(error):
        log.error("%s %s was not possible: %s", request.method, request.path, error)
        return _on_domain_error(errors.Unavailable(lacking))
    log.error("%s %s broke", request.method, request.path, exc_info=error)
    return _answer(500, "Fovea could not answer because of an error of its own; its log says more.")


def _lacking(error: Exception) -> str | None:
    """Say what the service lacks for now, if it is that and no error of the program."""
    code = getattr(error.orig, "sqlite_errorname", "away") if isinstance(error, OperationalError) else None
    if code == "SQLITE_FULL" or (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)):
        return "The disk of the service is full; free some space, then send this again."
    if code not in (None, "SQLITE_ERROR"):  # which is wrong SQL
        return "The database cannot be used now; send this again in a moment."
    return None


def _drain() -> None:
    """Read what the client still sends, within reason: a connection closed on it would lose the answer."""
    left, body = DRAIN_BYTES, request.environ["wsgi.input"]
    with suppress(RequestTimeout, OSError):  # too slow, or gone: the answer is worth no more waiting
        while left > 0 and (chunk := body.read(min(left, DRAIN_STEP))):
            left -= len(chunk)


def _size(limit: int) -> str:
    return f"{limit // MEGABYTE} MB" if limit >= MEGABYTE else f"{limit // 1000} kB"


def _more(error: errors.FoveaError) -> dict[str, Any]:
    """Return what an error has beside its sentence."""
    return {"rejected": error.rejected} if isinstance(error, errors.NothingUsable) else {}


def _answer(status: int, detail: str, **more: Any) -> Response:  # noqa: ANN401 - JSON
    title = _phrase(status)
    if asks_for_page():
        return make_response(render_template("error.html", status=status, title=title, detail=detail), status)
    body: dict[str, Any] = Problem(title=title, status=status, detail=detail).model_dump() | more
    answer = make_response(jsonify(body), status)
    answer.mimetype = MEDIA_TYPE
    return answer


def _phrase(status: int) -> str:
    """Return the standard phrase of a status; Python before 3.13 has old ones for some."""
    return PHRASES.get(status) or HTTPStatus(status).phrase
