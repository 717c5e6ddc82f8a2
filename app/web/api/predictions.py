"""The log of predictions and its corrections."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, request, url_for
from flask_openapi3 import APIBlueprint, Tag

from app.actor import ANYBODY
from app.context import services
from app.errors import InvalidInput
from app.inference.image.thumbnail import thumbnail
from app.services.serving.log import as_answer
from app.services.serving.reviews import Opinion
from app.services.serving.search import PredictionFilter
from app.web import forms
from app.web.docs import body, operation_id, problems
from app.web.offload import run_cpu_bound
from app.web.schemas.images import AcceptedFeedback, FeedbackQuery, ImageQuery, WaitingFeedback
from app.web.schemas.predictions import LoggedPrediction, LoggedPredictions, ReviewSummary
from app.web.schemas.requests import (
    FeedbackForm,
    OptionalClassifier,
    PredictionPath,
    PredictionsQuery,
    ReviewerQuery,
    ReviewForm,
)
from app.web.security.scopes import holder

blueprint = APIBlueprint(
    "predictions", __name__, abp_tags=[Tag(name="Predictions")], operation_id_callback=operation_id
)


@blueprint.get("/api/predictions", responses={200: LoggedPredictions, **problems(404)})
def list_predictions(query: PredictionsQuery) -> Response:
    """List the newest predictions first; `X-Next-Cursor` and `Link` name what comes after them, if anything does."""
    given = query.model_dump(exclude={"limit", "before"})
    found = services().history.find(PredictionFilter(**given | {"until": query.until or query.before}), query.limit)
    answer = jsonify([as_answer(row) for row in found.rows])
    if found.next_cursor is not None:
        query_of_next: dict[str, Any] = request.args.to_dict() | {"cursor": found.next_cursor}
        following = url_for("predictions.list_predictions", **query_of_next)
        answer.headers["X-Next-Cursor"] = found.next_cursor
        answer.headers["Link"] = f'<{following}>; rel="next"'
    return answer


@blueprint.get("/api/predictions/<prediction_id>", responses={200: LoggedPrediction, **problems(404)})
def get_prediction(path: PredictionPath) -> dict[str, Any]:
    """Give one prediction and its correction, if any."""
    return as_answer(services().history.get(path.prediction_id))


@blueprint.get("/api/predictions/<prediction_id>/image", responses=problems(404))
def prediction_image(path: PredictionPath, query: ImageQuery) -> Response:
    """Give the image of a prediction, as a small JPEG."""
    sha256 = services().history.get(path.prediction_id).sha256
    data = services().files.read(sha256)
    answer = Response(run_cpu_bound(lambda: thumbnail(data, query.side)), mimetype="image/jpeg")
    answer.headers["Cache-Control"] = "private, max-age=86400, immutable"
    return answer


@blueprint.post(
    "/api/predictions/<prediction_id>/feedback",
    responses={200: LoggedPrediction, **problems(400, 404)},
    openapi_extensions=body(FeedbackForm, json=True),
)
def feedback(path: PredictionPath) -> dict[str, Any]:
    """Correct a prediction: say what the image shows."""
    return as_answer(services().history.correct(path.prediction_id, forms.fields(FeedbackForm).label))


@blueprint.delete("/api/predictions/<prediction_id>/feedback", responses={200: LoggedPrediction, **problems(404)})
def withdraw(path: PredictionPath) -> dict[str, Any]:
    """Withdraw the correction of a prediction."""
    return as_answer(services().feedback.withdraw(path.prediction_id))


@blueprint.put(
    "/api/predictions/<prediction_id>/review",
    responses={200: LoggedPrediction, **problems(400, 404)},
    openapi_extensions=body(ReviewForm, json=True),
)
def review(path: PredictionPath) -> dict[str, Any]:
    """Keep your verdict on an answer, in place of an earlier one of yours; its correction follows the verdict."""
    wanted = forms.fields(ReviewForm)
    opinion = Opinion(wanted.verdict, wanted.label, wanted.note)
    return as_answer(services().reviews.give(path.prediction_id, _reviewer(wanted.reviewer), opinion))


@blueprint.delete("/api/predictions/<prediction_id>/review", responses={200: LoggedPrediction, **problems(400, 404)})
def withdraw_review(path: PredictionPath, query: ReviewerQuery) -> dict[str, Any]:
    """Withdraw your verdict on an answer, and the correction that followed it."""
    return as_answer(services().reviews.withdraw(path.prediction_id, _reviewer(query.reviewer)))


@blueprint.get("/api/reviews", responses={200: ReviewSummary, **problems(404)})
def review_summary(query: OptionalClassifier) -> dict[str, Any]:
    """Count the verdicts of each reviewer, and say how far each two agree."""
    return services().reviews.summary(query.classifier)


def _reviewer(named: str | None) -> str:
    """Return the name of the key; where none is asked for, the name that was given."""
    if (found := holder()) is None:
        return named or ANYBODY
    if named not in (None, found.name):
        raise InvalidInput(f"Your key names the reviewer: {found.name!r}; leave 'reviewer' out.")
    return found.name


@blueprint.post(
    "/api/predictions/<prediction_id>/feedback/accept", responses={200: AcceptedFeedback, **problems(404, 409)}
)
def accept(path: PredictionPath) -> dict[str, Any]:
    """Add the image to the dataset with the label that a person gave it."""
    return services().feedback.accept(path.prediction_id)


@blueprint.get("/api/feedback", responses={200: WaitingFeedback, **problems(404)})
def waiting(query: FeedbackQuery) -> dict[str, Any]:
    """List the corrections that no dataset has yet."""
    found = services().feedback.waiting(query.classifier, query.limit)
    counts = services().feedback.counts(query.classifier)
    return {"waiting": counts, "predictions": [as_answer(row) for row in found]}
