"""What is logged: one line for each record, with the request or job that it belongs to."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

# The id of the HTTP request that is being answered, or that started the job which is being worked on.
current_request: ContextVar[str | None] = ContextVar("current_request", default=None)
ENVIRON: Final = "fovea.request_id"  # where a WSGI environment holds it
FORMAT: Final = "%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s"


class OneLine(logging.Formatter):
    """Writes a record on one line, but for a traceback below it; control characters cannot reach a terminal."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """Return the line, with the request's id where there is one."""
        request = current_request.get()
        return printable(super().formatMessage(record)) + (f" [request {request}]" if request else "")

    def formatException(self, ei: Any) -> str:  # noqa: N802, ANN401 - the library's name and type
        """Return the traceback."""
        return "\n".join(map(printable, super().formatException(ei).split("\n")))


@contextmanager
def on_behalf_of(request: str | None) -> Iterator[None]:
    """Name the request in the log lines of what is done inside."""
    before = current_request.set(request)
    try:
        yield
    finally:
        current_request.reset(before)


def configure() -> None:
    """Log warnings to standard error, unless somebody else has decided already where logs go."""
    if logging.root.handlers:
        return
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine(FORMAT))
    logging.root.addHandler(handler)


def printable(text: str) -> str:
    """Return a text for a terminal: what is no character to see becomes a mark, a new line and a tab too.

    A file name could otherwise move the cursor, hide what stands beside it, or write lines of its own.
    """
    return text if text.isprintable() else "".join(each if each.isprintable() else "\ufffd" for each in text)
