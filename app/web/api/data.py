"""Datasets: sending labelled images, and figures about them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response, jsonify
from flask_openapi3 import APIBlueprint, Tag

from app.context import services
from app.errors import InvalidInput
from app.services.datasets.archive import nothing_usable
from app.services.datasets.intake import Report
from app.web import forms
from app.web.api.jobs import accepted
from app.web.docs import body, problems
from app.web.schemas.answers import Accepted, UploadAnswer
from app.web.schemas.requests import ClassifierField, ClassifierPath, DatasetVersionPath, UploadForm

blueprint = APIBlueprint("data", __name__, abp_tags=[Tag(name="Data")])


def upload() -> Response:
    """Add labelled images: field `files` repeated or a zip archive."""
    forms.allow_bulk()
    wanted = forms.fields(UploadForm)
    report = services().intake.upload(wanted.classifier, forms.uploads(), wanted.label, wanted.split)
    _refuse_if_useless(report)
    answer = jsonify(asdict(report))
    answer.status_code = 201
    return answer


for rule in ("/api/upload", "/api/upload-data"):
    blueprint.post(
        rule,
        responses={201: UploadAnswer, **problems(400, 404, 413)},
        openapi_extensions=body(UploadForm, "files"),
        operation_id=rule.strip("/").replace("/", "_").replace("-", "_"),
    )(upload)


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


def _refuse_if_useless(report: Report) -> None:
    """Make an upload without a usable file an error."""
    if report.accepted or report.duplicates:
        return
    if not report.rejected:
        raise InvalidInput("The archive holds no image; send one with images, in a folder for each class.")
    raise nothing_usable([(each["file"], each["reason"]) for each in report.rejected])
