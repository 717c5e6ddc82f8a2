"""The access log: a line of JSON on standard output for each request that was answered."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from gunicorn.glogging import Logger

from app.logs import ENVIRON  # and nothing heavy: gunicorn imports this before gevent patches the library

STDOUT: Final = 1  # written to directly: Python's logging takes more than twice as long


class AccessLog(Logger):  # type: ignore[misc]  # gunicorn's own classes are untyped
    """Gunicorn's log, but for the lines about requests."""

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:  # noqa: ANN401, ARG002  # as gunicorn calls it
        """Write a line. The query is left out, since it may name a patient; all that is no ASCII is escaped."""
        if not self.access_log_enabled:
            return
        status = str(resp.status).partition(" ")[0]
        line = {
            "time": datetime.now(UTC).isoformat(),
            "method": environ["REQUEST_METHOD"],
            "path": environ["PATH_INFO"].encode("latin-1").decode(errors="replace"),
            "status": int(status) if status.isdecimal() else None,
            "duration_ms": round(request_time.total_seconds() * 1000, 2),
            "bytes": getattr(resp, "sent", None),
            "client": environ.get("REMOTE_ADDR"),
            "request_id": environ.get(ENVIRON),
        }
        with suppress(OSError):  # nobody reads any more
            os.write(STDOUT, f"{json.dumps(line)}\n".encode())
