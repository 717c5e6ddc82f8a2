"""Model versions and the aliases that decide which one serves."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, render_template, send_file, url_for
from flask_openapi3 import APIBlueprint, Tag

from app.context import services
from app.web import forms
from app.web.docs import body, operation_id, problems
from app.web.offload import run_cpu_bound
from app.web.schemas.answers import AliasAnswer, TrafficAnswer
from app.web.schemas.images import AnswersQuery, Examined
from app.web.schemas.requests import (
    ChallengerForm,
    ClassifierField,
    ClassifierPath,
    OptionalClassifier,
    ReasonForm,
    TrainingImagePath,
    VersionPath,
)

blueprint = APIBlueprint("models", __name__, abp_tags=[Tag(name="Models")], operation_id_callback=operation_id)


@blueprint.get("/api/models", responses=problems(404))
def versions(query: OptionalClassifier) -> Response:
    """List the model versions, the newest first."""
    return jsonify(services().models.versions(query.classifier))


@blueprint.get("/api/models/<classifier>/<int:version>", responses=problems(404))
def card(path: VersionPath) -> dict[str, Any]:
    """Give a version's card."""
    found = services().models.card(path.classifier, path.version)
    verdict = services().models.verdict(path.classifier, path.version)
    return {"version": path.version, **found.model_dump(mode="json"), "verdict": verdict}


@blueprint.delete("/api/models/<classifier>/<int:version>", responses=problems(404, 409))
def remove(path: VersionPath, query: ReasonForm) -> dict[str, Any]:
    """Remove a version for good; neither the champion nor the challenger can be removed."""
    services().models.remove(path.classifier, path.version, query.reason)
    return {"classifier": path.classifier, "removed": path.version}


@blueprint.get("/api/models/<classifier>/<int:version>/card.md", responses=problems(404))
def model_card_markdown(path: VersionPath) -> Response:
    """Give a version's model card, to read, as Markdown."""
    found = services().models.document(path.classifier, path.version)
    return Response(render_template("model_card.md", document=found), mimetype="text/markdown")


@blueprint.get("/api/models/<classifier>/<int:version>/card.html", responses=problems(404))
def model_card_page(path: VersionPath) -> Response:
    """Give a version's model card, to read, as a page."""
    found = services().models.document(path.classifier, path.version)
    stylesheet = url_for("static", filename="model-card.css")
    return Response(render_template("model_card.html", document=found, stylesheet=stylesheet), mimetype="text/html")


@blueprint.get("/api/models/<classifier>/<int:version>/training-images/<sha256>", responses=problems(404, 503))
def training_image(path: TrainingImagePath) -> Response:
    """Give an image that a version was trained on, as a small JPEG."""
    picture = services().training_images.picture(path.classifier, path.version, path.sha256)
    answer = Response(picture, mimetype="image/jpeg")
    answer.headers["Cache-Control"] = "private, max-age=86400, immutable"
    return answer


@blueprint.get("/api/models/<classifier>/<int:version>/answers", responses={200: Examined, **problems(404, 503)})
def answers(path: VersionPath, query: AnswersQuery) -> dict[str, Any]:
    """Give what a version, and another if one is named, answers for each of its test images."""
    found = services().image_comparison
    return found.answers(path.classifier, path.version, query.against, query.offset, query.limit)


@blueprint.get("/api/models/<classifier>/<int:version>/bundle", responses=problems(404))
def bundle(path: VersionPath) -> Response:
    """Give a version's bundle, network and card, as a zip archive."""
    models = services().models  # to be had here only: a thread beside the loop knows no request
    folder = models.bundle(path.classifier, path.version)
    packed = run_cpu_bound(lambda: models.pack(folder, f"{path.classifier}-{path.version}"))
    name = f"fovea-{path.classifier}-{path.version}.zip"
    return send_file(packed, mimetype="application/zip", as_attachment=True, download_name=name)


@blueprint.get("/api/model-info", responses=problems(404))
def model_info(query: ClassifierField) -> dict[str, Any]:
    """Give the card of the version that serves, and how the aliases came to point where they do."""
    version, found = services().models.champion_card(query.classifier)
    moves = services().models.moves(query.classifier)
    return {"version": version, **found.model_dump(mode="json"), "notice": found.notice, "alias_moves": moves}


@blueprint.post(
    "/api/models/<classifier>/<int:version>/promote",
    responses={200: AliasAnswer, **problems(404)},
    openapi_extensions=body(ReasonForm, json=True),
)
def promote(path: VersionPath) -> dict[str, Any]:
    """Make a version the champion."""
    reason = forms.fields(ReasonForm).reason
    return _serving(path.classifier, services().models.promote(path.classifier, path.version, reason))


@blueprint.post(
    "/api/models/<classifier>/rollback",
    responses={200: AliasAnswer, **problems(404, 409)},
    openapi_extensions=body(ReasonForm, json=True),
)
def rollback(path: ClassifierPath) -> dict[str, Any]:
    """Undo the last promotion."""
    reason = forms.fields(ReasonForm).reason
    return _serving(path.classifier, services().models.rollback(path.classifier, reason))


@blueprint.get("/api/models/<classifier>/challenger", responses={200: TrafficAnswer, **problems(404)})
def challenger(path: ClassifierPath) -> dict[str, Any]:
    """Compare the challenger with the champion on live requests, and say what share of them it gets."""
    return services().traffic.comparison(path.classifier)


@blueprint.post(
    "/api/models/<classifier>/challenger",
    responses={200: TrafficAnswer, **problems(400, 404, 409, 503)},
    openapi_extensions=body(ChallengerForm, json=True),
)
def direct(path: ClassifierPath) -> dict[str, Any]:
    """Let the challenger answer unseen (shadow), answer a share of the requests (canary), or nothing (off)."""
    wanted = forms.fields(ChallengerForm)
    services().traffic.set_traffic(path.classifier, wanted.version, wanted.mode, wanted.percent, wanted.reason)
    return services().traffic.comparison(path.classifier)


def _serving(classifier: str, version: int) -> dict[str, Any]:
    return {"classifier": classifier, "champion": version}
