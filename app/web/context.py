"""The use cases of the application that serves the present request."""

from __future__ import annotations

from typing import cast

from flask import current_app

from app.services.wiring import Services


def services() -> Services:
    """Return the use cases."""
    return cast("Services", current_app.extensions["fovea"])
