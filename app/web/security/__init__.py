"""What stands before every call: the host it names, the page it comes from, the key, and what its answer allows."""

from __future__ import annotations

from flask import Flask

from app.web.security import auth, headers, origins


def register(app: Flask) -> None:
    """Check every request before its body is read, and protect every answer."""
    origins.register(app)
    auth.register(app)
    headers.register(app)
