"""Classifiers: listing, making, changing and deleting them while the service runs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from flask import Response, jsonify, request, url_for
from flask_openapi3 import APIBlueprint, Tag

from app.context import services
from app.web import forms
from app.web.docs import body, operation_id, problems
from app.web.schemas.classifiers import (
    ClassifierChanges,
    ClassifierFields,
    ClassifierForm,
    ConfirmQuery,
    Created,
    Deleted,
    Names,
    Proposal,
)
from app.web.schemas.requests import ClassifierPath

blueprint = APIBlueprint(
    "classifiers", __name__, abp_tags=[Tag(name="Classifiers")], operation_id_callback=operation_id
)
NAMES_BYTES: Final = 8_000_000  # of a call that sends names alone
_JSON: Final = body(ClassifierFields, json=True)["requestBody"]["content"]["application/json"]
_FORM: Final = body(ClassifierForm, "files")["requestBody"]["content"]["multipart/form-data"]
_CHANGES: Final = body(ClassifierChanges, json=True)["requestBody"]["content"]["application/json"]


@blueprint.get("/api/classifiers")
def classifiers() -> Response:
    """List the classifiers with their classes and settings."""
    return jsonify(services().models.classifiers())


@blueprint.post(
    "/api/classifiers",
    responses={201: Created, **problems(400, 409, 413)},
    openapi_extensions={"requestBody": {"content": {"application/json": _JSON, "multipart/form-data": _FORM}}},
)
def create() -> Response:
    """Make a classifier of the fields of its YAML file, or of a name and images whose names tell the classes."""
    if request.mimetype == "multipart/form-data":
        forms.allow_bulk()
        given = forms.fields(ClassifierForm).given()
        spec, report = services().classifiers.create_with_images(given, forms.uploads())
        dataset: dict[str, Any] | None = asdict(report)
    else:
        spec, dataset = services().classifiers.create(forms.json_object()), None
    answer = jsonify(services().models.classifier(spec.name) | {"dataset": dataset})
    answer.status_code = 201
    answer.headers["Location"] = url_for("classifiers.classifier", classifier=spec.name)
    return answer


@blueprint.post("/api/classifiers/preview", responses={200: Proposal, **problems(400)},
                openapi_extensions=body(Names, json=True))  # fmt: skip
def propose() -> dict[str, Any]:
    """Say which classes and splits the names of images tell, before anything is sent or kept."""
    return services().classifiers.preview(forms.fields(Names, NAMES_BYTES).files)


@blueprint.get("/api/classifiers/<classifier>", responses=problems(404))
def classifier(path: ClassifierPath) -> dict[str, Any]:
    """Give a classifier's classes and settings."""
    return services().models.classifier(path.classifier)


@blueprint.get("/api/classifiers/<classifier>/spec.yaml", responses=problems(404))
def spec_yaml(path: ClassifierPath) -> Response:
    """Give the YAML file that makes the same classifier in CLASSIFIERS_DIR."""
    answer = Response(services().classifiers.as_yaml(path.classifier), mimetype="application/yaml")
    answer.headers["Content-Disposition"] = f'attachment; filename="{path.classifier}.yaml"'
    return answer


@blueprint.patch(
    "/api/classifiers/<classifier>",
    responses=problems(400, 404, 409),
    openapi_extensions={"requestBody": {"content": {"application/json": _CHANGES}}},
)
def edit(path: ClassifierPath) -> dict[str, Any]:
    """Change a classifier; `takes_effect` says of each changed field whether now or with the next training."""
    spec, effects = services().classifiers.edit(path.classifier, forms.json_object())
    return services().models.classifier(spec.name) | {"takes_effect": effects}


@blueprint.delete("/api/classifiers/<classifier>", responses={200: Deleted, **problems(400, 404, 409)})
def delete(path: ClassifierPath, query: ConfirmQuery) -> dict[str, Any]:
    """Delete a classifier with its images, models, predictions and jobs; `confirm` repeats its name."""
    gone = services().classifiers.delete(path.classifier, query.confirm)
    return {"classifier": path.classifier, "deleted": gone}
