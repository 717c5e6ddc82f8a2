"""The log of predictions and its corrections."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify
from flask_openapi3 import APIBlueprint, Tag

from app.inference.thumbnail import thumbnail
from app.services.history import as_answer
from app.web import forms
from app.web.context import services
from app.web.docs import body, problems
from app.web.offload import offload
from app.web.schemas import FeedbackForm, LoggedPrediction, LoggedPredictions, PredictionPath, PredictionsQuery

blueprint = APIBlueprint("predictions", __name__, abp_tags=[Tag(name="Predictions")])


@blueprint.get("/api/predictions", responses={200: LoggedPredictions, **problems(404)})
def list_predictions(query: PredictionsQuery) -> Response:
    """List the newest predictions first."""
    found = services().history.list(query.classifier, query.decision, query.before, query.limit)
    return jsonify([as_answer(row) for row in found])


@blueprint.get("/api/predictions/<prediction_id>", responses={200: LoggedPrediction, **problems(404)})
def get_prediction(path: PredictionPath) -> dict[str, Any]:
    """Give one prediction and its correction, if any."""
    return as_answer(services().history.get(path.prediction_id))


@blueprint.get("/api/predictions/<prediction_id>/image", responses=problems(404))
def prediction_image(path: PredictionPath) -> Response:
    """Give the image that was asked about, as a small JPEG."""
    sha256 = services().history.get(path.prediction_id).sha256
    data = services().files.read(sha256)
    answer = Response(offload(lambda: thumbnail(data)), mimetype="image/jpeg")
    answer.headers["Cache-Control"] = "private, max-age=86400, immutable"
    return answer


@blueprint.post(
    "/api/predictions/<prediction_id>/feedback",
    responses={200: LoggedPrediction, **problems(400, 404)},
    openapi_extensions=body(FeedbackForm, json=True),
)
def feedback(path: PredictionPath) -> dict[str, Any]:
    """Say what the image really shows."""
    return as_answer(services().history.correct(path.prediction_id, forms.fields(FeedbackForm).label))
