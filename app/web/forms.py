"""Reads requests: fields from wherever they stand, images and uploads within their limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeVar

from flask import request
from pydantic import BaseModel

from app.config import MEGABYTE
from app.context import services
from app.errors import InvalidInput, TooLarge
from app.paths import relative_path
from app.services.datasets.archive import MAX_FILES, Upload
from app.web.multipart import FIELD_BYTES

T = TypeVar("T", bound=BaseModel)

BULK_FACTOR: Final = 64  # a call with many files may be so many times larger than one with a single image
ENVELOPE_BYTES: Final = 100_000  # of a multipart body around its file


def allow_bulk() -> None:
    """Let this request carry many files."""
    request.max_content_length = BULK_FACTOR * services().settings.max_upload_mb * MEGABYTE
    request.max_form_parts = MAX_FILES + 100


def fields(model: type[T], max_bytes: int = FIELD_BYTES) -> T:
    """Read the model's fields from the query, the form and the JSON body of at most `max_bytes`; the later ones win.

    InvalidInput when there is a body that holds fields by its looks, and is not read for want of a fitting content
    type: defaults would take their place.
    """
    if request.mimetype != "multipart/form-data":
        request.max_content_length = max_bytes
    given: dict[str, Any] = {**request.args, **request.form}
    if request.is_json:
        given |= _json_object()
    elif any(name.lstrip().startswith("{") for name in request.form) or _unread():
        raise InvalidInput("The body is not read as it is; send a form, or JSON with 'Content-Type: application/json'.")
    return model.model_validate({name: value for name, value in given.items() if name in model.model_fields})


def image() -> tuple[bytes, str | None]:
    """Return the one image of the request, multipart `file` or the raw body, and its file name if it has one."""
    if request.mimetype == "multipart/form-data":
        files = request.files.getlist("file")
        if len(files) != 1 or len(list(request.files.keys())) != 1:
            raise InvalidInput(_wrong_number(sum(len(request.files.getlist(name)) for name in request.files)))
        data, name = files[0].read(), files[0].filename and relative_path(files[0].filename)
    elif request.is_json:
        raise InvalidInput(_wrong_number(0))
    else:
        data, name = request.get_data(cache=False), None
        # Some clients call every body a form, curl among them; a true form is text.
        if request.mimetype == "application/x-www-form-urlencoded" and data.isascii():
            raise InvalidInput(_wrong_number(0))
    if not data:
        raise InvalidInput("The image is empty; send one as the form field 'file', or as the request's whole body.")
    limit = services().settings.max_upload_mb
    if len(data) > limit * MEGABYTE:
        raise TooLarge(f"The image is over the limit of {limit} MB; send a smaller one.")
    return data, name


def idempotency_key() -> str | None:
    """Return what the client calls this request, so that it can be repeated."""
    return request.headers.get("Idempotency-Key")


def prefers_async() -> bool:
    """Say whether the client would rather have a job than wait (RFC 7240)."""
    stated = ",".join(request.headers.getlist("Prefer")).lower().split(",")
    return any(preference.partition(";")[0].strip() == "respond-async" for preference in stated)


def uploads(needed: bool = True) -> Iterator[Upload]:
    """Yield the files of a multipart body, in the fields `files` or `file`; there must be one if `needed`."""
    files = [*request.files.getlist("files"), *request.files.getlist("file")]
    if needed and not files:
        raise InvalidInput("No file was sent; send one or more in the form field 'files', or a zip archive.")
    for file in files:
        yield Upload(file.filename or "unnamed", file.stream)


def _unread() -> bool:
    """Say whether there is a body that neither a form's parser nor `image` has read."""
    return request.mimetype != "multipart/form-data" and bool(request.stream.read(1))


def _json_object() -> dict[str, Any]:
    try:
        body = request.get_json(silent=True)
    except RecursionError:  # brackets within brackets, thousands of them
        body = None
    if not isinstance(body, dict):
        raise InvalidInput("The body is not a JSON object; send one, or a form.")
    return body


def _wrong_number(count: int) -> str:
    if count == 0:
        return "No image was sent; send one as the form field 'file', or as the request's whole body."
    if count == 1:
        return "The image must be in the form field 'file'."
    return f"{count} files were sent to a call that takes one; send them to /api/bulk-predict."
