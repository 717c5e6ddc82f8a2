"""What the tests of the HTTP interface share: requests built as clients build them, and what answers must look like."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app.config import Settings
from app.drawing import draw
from app.store.db import db
from app.store.tables import AliasMove, Image, Job, JobItem, Prediction

CAT = draw("cat_face", 1, 128).jpeg()
BOUNDARY = "between-the-parts"


def form(files: Sequence[tuple[str, str, bytes]] = (), **fields: str) -> dict[str, Any]:
    """Return a multipart body of (field, file name, bytes) and plain fields, as keyword arguments of a client."""
    parts = [(f'name="{name}"', value.encode()) for name, value in fields.items()]
    parts += [(f'name="{field}"; filename="{name}"', data) for field, name, data in files]
    body = b"".join(
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + data + b"\r\n"
        for head, data in parts
    )
    content_type = f"multipart/form-data; boundary={BOUNDARY}"
    return {"data": body + f"--{BOUNDARY}--\r\n".encode(), "content_type": content_type}


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return a zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


def huge_png(side: int = 50_000) -> bytes:
    """Return a PNG of a few kilobytes that claims side x side pixels; its head is whole, its rows are too few."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def problem(response: TestResponse, status: int) -> str:
    """Check that the answer is a problem of RFC 9457 with this status; return its sentence."""
    assert response.status_code == status, response.get_data(as_text=True)[:500]
    assert response.content_type == "application/problem+json"
    body = response.get_json()
    assert set(body) - {"rejected"} == {"type", "title", "status", "detail"}
    assert (body["type"], body["status"]) == ("about:blank", status)
    assert body["title"] == {413: "Content Too Large"}.get(status, HTTPStatus(status).phrase)
    detail: str = body["detail"]
    assert detail.endswith(".")
    return detail


def kept(settings: Settings) -> tuple[list[str], list[int]]:
    """Return all that a refused call must leave as it was: the files of the data folder and the number of rows."""
    files = [path for folder in (settings.uploads_dir, settings.models_dir) for path in folder.rglob("*")]
    tables = (Image, Job, JobItem, Prediction, AliasMove)
    rows = [db.session.scalars(select(func.count()).select_from(table)).one() for table in tables]
    return sorted(map(str, files)), rows
