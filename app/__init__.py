"""Fovea: trains, serves, watches and retrains image classifiers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.config import Settings

__version__ = "0.1.0"


def create_app(settings: Settings | None = None) -> Flask:
    """Return the web application, set up from the environment unless settings are given."""
    # Imported here so that a package such as app.inference can be used without Flask.
    from app.factory import create_app as assemble  # noqa: PLC0415 - as said above

    return assemble(settings)
