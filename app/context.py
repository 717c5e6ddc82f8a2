"""The use cases of the application that handles the present request or command."""

from __future__ import annotations

from typing import Final, cast

from flask import current_app

from app.services.wiring import Services

EXTENSION: Final = "fovea"


def services() -> Services:
    """Return the use cases of the current Flask application."""
    return cast("Services", current_app.extensions[EXTENSION])
