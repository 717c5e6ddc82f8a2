"""Documentation of the interface: bodies for OpenAPI, `/openapi.json` and the Swagger page, with no network."""

from __future__ import annotations

from http import HTTPStatus
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from flask import Blueprint, Flask, Response, current_app, jsonify, render_template, send_from_directory
from flask_openapi3 import OpenAPI
from pydantic import BaseModel

from app.context import services
from app.web.errors import Problem
from app.web.schemas.requests import DEFAULT

IMAGE_TYPES: Final = ("image/jpeg", "image/png", "image/bmp", "image/tiff", "image/webp")
FILE: Final = {"type": "string", "format": "binary"}

blueprint = Blueprint("docs", __name__)


@blueprint.get("/docs")
def swagger() -> str:
    """Show the interface's calls, to read and to try."""
    return render_template("docs.html")


@blueprint.get("/docs/assets/<path:name>")
def assets(name: str) -> Response:
    """Serve Swagger UI's files out of its package."""
    folder = Path(str(files("flask_openapi3_swagger"))) / "templates" / "swagger"
    return send_from_directory(folder, name, max_age=86_400)


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """Describe the interface."""
    app = current_app
    assert isinstance(app, OpenAPI)  # noqa: S101 - create_app makes no other
    return jsonify(_completed(app.api_doc))


def _completed(doc: dict[str, Any]) -> dict[str, Any]:
    """Say of every call that it answers, and that what it refuses is a problem: the library says neither rightly.

    Where there is nothing it writes a null, which strict readers refuse. What is asked for is described so that a page
    which tries the calls sends nothing that was not filled in.
    """
    doc["components"] = {name: part for name, part in doc["components"].items() if part is not None}
    refused = problems(400)[400]
    for operation in (operation for item in doc["paths"].values() for operation in item.values()):
        for asked in ("parameters", "requestBody"):
            if asked in operation:
                operation[asked] = _asked(operation[asked])
        answers = operation["responses"]
        answers["400"] = refused
        if not any(status.startswith("2") for status in answers):
            answers["200"] = {"description": "OK"}
    return doc


def _asked(part: Any) -> Any:  # noqa: ANN401 - any part of the description
    """Return a description without nulls, since what may be null may be left out, and with the default classifier."""
    if isinstance(part, list):
        return [_asked(each) for each in part]
    if not isinstance(part, dict):
        return services().catalog.default if part == DEFAULT else part
    kept = {name: _asked(value) for name, value in part.items() if (name, value) != ("default", None)}
    kinds = [kind for kind in kept.get("anyOf", []) if kind != {"type": "null"}]
    if len(kinds) == 1:
        del kept["anyOf"]
        kept |= kinds[0]
    return kept


def register(app: Flask) -> None:
    """Serve the documentation."""
    app.register_blueprint(blueprint)


def body(model: type[BaseModel], files: str | None = None, *, raw_image: bool = False, json: bool = False) -> Any:  # noqa: ANN401 - an OpenAPI fragment
    """Describe a request body with the model's fields; `files` names the file field, plural where it repeats."""
    schema = model.model_json_schema()
    properties, required = dict(schema["properties"]), list(schema.get("required", []))
    if files is not None:
        properties[files] = {"type": "array", "items": FILE} if files.endswith("s") else FILE
        required += [] if "job_id" in properties else [files]  # the last call to a job in parts may bring none
    for name in properties.keys() - set(required):  # else Swagger UI fills in the word "string"
        if properties[name].get("default") is None and name != files:
            properties[name] = properties[name] | {"example": ""}
    form: dict[str, Any] = {"schema": {"type": "object", "properties": properties}}
    if required:
        form["schema"]["required"] = required
    content: dict[str, Any] = {"multipart/form-data": form}
    if raw_image:
        content |= {name: {"schema": FILE} for name in IMAGE_TYPES}
    if json:
        example = {name: field["default"] for name, field in properties.items() if field.get("default") is not None}
        example |= {name: properties[name].get("enum", [""])[0] for name in required}
        content = {"application/json": form | {"example": example}, "application/x-www-form-urlencoded": form}
    return {"requestBody": {"content": content}}


# The names of calls in generated clients, where that of the function says too little by itself.
OPERATIONS: Final = {
    "data.preview": "preview_upload", "data.dataset": "get_dataset", "data.audit": "get_audit",
    "data.versions": "list_dataset_versions", "data.version": "get_dataset_version",
    "data.exploration": "explore_dataset", "data.visualizations": "get_visualizations",
    "images.images": "list_images", "images.image": "get_image", "images.change_many": "change_images",
    "images.remove_many": "remove_images", "images.change": "change_image", "images.remove": "remove_image",
    "images.undo": "undo_change", "images.changes": "list_changes", "images.one_change": "get_change",
    "images.compare": "compare_dataset_versions",
    "classifiers.classifiers": "list_classifiers", "classifiers.create": "create_classifier",
    "classifiers.propose": "preview_classifier", "classifiers.classifier": "get_classifier",
    "classifiers.spec_yaml": "get_classifier_yaml", "classifiers.edit": "edit_classifier",
    "classifiers.delete": "delete_classifier",
    "models.versions": "list_models", "models.card": "get_model", "models.remove": "remove_model",
    "models.training_image": "get_training_image", "models.answers": "get_model_answers", "models.bundle": "get_bundle",
    "models.challenger": "get_challenger", "models.direct": "set_challenger",
    "predictions.prediction_image": "get_prediction_image", "predictions.feedback": "give_feedback",
    "predictions.withdraw": "withdraw_feedback", "predictions.accept": "accept_feedback",
    "predictions.waiting": "list_feedback", "predictions.review": "give_review",
    "predictions.review_summary": "get_reviews",
    "state.prometheus": "metrics",
}  # fmt: skip


def operation_id(*, bp_name: str, name: str, path: str, method: str) -> str:
    """Return the plain name of a call; flask-openapi3 calls it with the name of the function and its blueprint."""
    del path, method
    return OPERATIONS.get(f"{bp_name}.{name}", name)


def problems(*statuses: int) -> dict[str | int | HTTPStatus, Any]:
    """Describe the errors of a call."""
    return {
        status: {
            "description": "Problem details",
            "content": {"application/problem+json": {"schema": Problem.model_json_schema()}},
        }
        for status in statuses
    }
