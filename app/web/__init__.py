"""The HTTP layer: the interface, its documentation and the pages. No other package uses HTTP."""

from __future__ import annotations

from typing import Final

from flask import Response
from flask_compress import Compress
from flask_openapi3 import OpenAPI

from app.config import MEGABYTE
from app.context import services
from app.runners import Runners
from app.web import api, docs, errors, metrics, pages, request_id, security
from app.web.background import run_in_background
from app.web.docs import problems
from app.web.errors import Problem, on_validation_error
from app.web.forms import ENVELOPE_BYTES
from app.web.json import FastJson
from app.web.multipart import FastRequest, release
from app.web.offload import run_blocking_io, run_cpu_bound

COMPRESSED: Final = {"text/html", "text/css", "text/javascript", "text/plain", "image/svg+xml", "application/json"}

RUNNERS: Final = Runners(run_cpu_bound, run_blocking_io, run_in_background)


def register(app: OpenAPI) -> None:
    """Add the interface, its documentation and the pages to the application."""
    with app.app_context():
        limit = services().settings.max_upload_mb * MEGABYTE
    app.request_class = FastRequest
    app.config.update(MAX_CONTENT_LENGTH=limit + ENVELOPE_BYTES)
    app.json = FastJson(app)
    request_id.register(app)  # first, so that whatever refuses a request can name it
    metrics.register(app)
    errors.register(app)
    security.register(app)
    api.register(app)
    docs.register(app)
    pages.register(app)
    _compress(app)
    app.teardown_request(release)


def _compress(app: OpenAPI) -> None:
    """Compress large text responses; an answer to one image is too small to gain from it."""
    app.config.update(
        COMPRESS_MIMETYPES=sorted(COMPRESSED),
        COMPRESS_ALGORITHM=["zstd", "gzip"],
        COMPRESS_MIN_SIZE=2000,
        COMPRESS_STREAMS=False,
    )
    Compress(app)
    app.after_request(_read_file)  # runs first: Flask calls these in reverse order


def _read_file(response: Response) -> Response:
    """Read a file that would be streamed, so that it can be compressed and is closed."""
    if response.direct_passthrough and response.mimetype in COMPRESSED:
        response.direct_passthrough = False
        response.get_data()
    return response


__all__ = ["RUNNERS", "Problem", "on_validation_error", "problems", "register"]
