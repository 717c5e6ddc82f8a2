"""Datasets: sending labelled images, and figures about them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from flask import Response, jsonify
from flask_openapi3 import APIBlueprint, Tag

from app.context import services
from app.services.datasets.intake import Origin, known_split, refuse_if_useless
from app.services.datasets.uploads import Announced
from app.web import forms
from app.web.api.jobs import accepted
from app.web.docs import body, operation_id, problems
from app.web.schemas.answers import Accepted, PreviewAnswer, UploadAnswer
from app.web.schemas.requests import (
    ClassifierField,
    ClassifierPath,
    DatasetVersionPath,
    PreviewForm,
    UploadForm,
)

PREVIEW_BYTES: Final = 4_000_000  # of file names and tables

blueprint = APIBlueprint("data", __name__, abp_tags=[Tag(name="Data")], operation_id_callback=operation_id)


def upload() -> Response:
    """Add labelled images: field `files` repeated or a zip archive.

    With the header `Prefer: respond-async` (RFC 7240) a worker does it, as a job with progress: the answer is 202, and
    the job's result is what the answer 201 would be. With the header Idempotency-Key that can be repeated safely.
    """
    forms.allow_bulk()
    wanted = forms.fields(UploadForm)
    if forms.prefers_async():
        origin = Origin("upload", wanted.label, known_split(wanted.split))
        job = services().uploads.submit(wanted.classifier, forms.uploads(), origin, forms.idempotency_key())
        answer = accepted(job)
        answer.headers["Preference-Applied"] = "respond-async"
        return answer
    report = services().intake.upload(wanted.classifier, forms.uploads(), wanted.label, wanted.split)
    refuse_if_useless(report)
    answer = jsonify(asdict(report))
    answer.status_code = 201
    return answer


for rule in ("/api/upload", "/api/upload-data"):
    blueprint.post(
        rule,
        responses={201: UploadAnswer, 202: Accepted, **problems(400, 404, 409, 413)},
        openapi_extensions=body(UploadForm, "files"),
        operation_id={"/api/upload": "upload", "/api/upload-data": "upload_data"}[rule],
    )(upload)


@blueprint.post(
    "/api/datasets/<classifier>/preview",
    responses={200: PreviewAnswer, **problems(400, 404, 413)},
    openapi_extensions=body(PreviewForm, json=True),
)
def preview(path: ClassifierPath) -> dict[str, Any]:
    """Say what an upload would be read as, by its file names and tables, before any image is sent."""
    wanted = forms.fields(PreviewForm, PREVIEW_BYTES)
    return services().preview.read(path.classifier, Announced(**wanted.model_dump()))


@blueprint.get("/api/datasets/<classifier>", responses=problems(404))
def dataset(path: ClassifierPath) -> dict[str, Any]:
    """Count a dataset's images by split, class and source."""
    return services().datasets.summary(path.classifier)


@blueprint.get("/api/datasets/<classifier>/audit", responses=problems(404))
def audit(path: ClassifierPath) -> dict[str, Any]:
    """Give the last audit of a dataset: `stale` if the dataset has changed, `complete` once images were compared."""
    return services().audit.latest(path.classifier)


@blueprint.post("/api/datasets/<classifier>/audit", responses={202: Accepted, **problems(400, 404)})
def start_audit(path: ClassifierPath) -> Response:
    """Start an audit: search a dataset for copies, leaks, shortcuts and wrong labels, as a job."""
    return accepted(services().audit.submit(path.classifier))


@blueprint.get("/api/datasets/<classifier>/versions", responses=problems(404))
def versions(path: ClassifierPath) -> Response:
    """List the dataset versions that models were trained on, the newest first."""
    return jsonify(services().versions.list(path.classifier))


@blueprint.get("/api/datasets/<classifier>/versions/<version>", responses=problems(404))
def version(path: DatasetVersionPath) -> dict[str, Any]:
    """Give a dataset version and its manifest: every image's hash, label, source, group and split."""
    return services().versions.get(path.classifier, path.version)


@blueprint.get("/api/datasets/<classifier>/exploration", responses=problems(400, 404))
def exploration(path: ClassifierPath) -> dict[str, Any]:
    """Give counts, resolution, aspect, colour, samples of each class and a preview of the augmentation."""
    return services().exploration.figures(path.classifier)


@blueprint.get("/api/visualizations", responses=problems(404))
def visualizations(query: ClassifierField) -> dict[str, Any]:
    """Give the series behind the charts."""
    return services().charts.figures(query.classifier)
