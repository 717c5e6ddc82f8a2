"""The HTTP interface, one blueprint for each subject."""

from __future__ import annotations

from flask_openapi3 import OpenAPI

from app.web.api import bulk, classifiers, data, images, jobs, models, predict, predictions, state


def register(app: OpenAPI) -> None:
    """Add every call of the interface."""
    for module in (predict, bulk, data, images, jobs, classifiers, models, predictions, state):
        app.register_api(module.blueprint)
