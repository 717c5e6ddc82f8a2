"""Predicting one image."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask_openapi3 import APIBlueprint, Tag

from app.context import services
from app.services.serving.predict import PredictionRequest
from app.web import forms
from app.web.docs import body, problems
from app.web.overload import place
from app.web.schemas.answers import GivenAnswer
from app.web.schemas.requests import PredictForm

blueprint = APIBlueprint("predict", __name__, abp_tags=[Tag(name="Predict")])


def predict() -> dict[str, Any]:
    """Answer one image: multipart field `file`, or the image as the whole body."""
    data, filename = forms.image()
    wanted = forms.fields(PredictForm)
    asked = PredictionRequest(data, wanted.classifier, wanted.version, filename, wanted.explain, wanted.similar)
    with place():
        answer = services().predict.predict(asked)
    model = {"classifier": answer["classifier"], "version": answer["model_version"]}
    for case in answer.get("similar") or ():
        case["image"] = url_for("models.training_image", sha256=case["sha256"], **model)
    return answer | {"label": answer["predicted_class"], "probability": answer["confidence"]}


for rule in ("/api/predict", "/predict"):
    blueprint.post(
        rule,
        responses={200: GivenAnswer, **problems(400, 404, 408, 413, 415, 503)},
        openapi_extensions=body(PredictForm, "file", raw_image=True),
        operation_id=rule.strip("/").replace("/", "_"),
    )(predict)
