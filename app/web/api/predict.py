"""Predicting one image."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask_openapi3 import APIBlueprint, Tag

from app.context import services
from app.services.serving.predict import PredictionRequest
from app.web import forms
from app.web.docs import body, operation_id, problems
from app.web.overload import place
from app.web.schemas.predictions import GivenAnswerOrAnswers
from app.web.schemas.requests import PredictForm

blueprint = APIBlueprint("predict", __name__, abp_tags=[Tag(name="Predict")], operation_id_callback=operation_id)


def predict() -> dict[str, Any]:
    """Answer one image: multipart field `file`, or the image as the whole body.

    Where several classifiers are named, the image is decoded and stored once, and each of their answers is logged.
    """
    data, filename = forms.image()
    wanted = forms.fields(PredictForm)
    request = PredictionRequest(data, filename=filename, **wanted.model_dump())
    several = services().several
    if not several.is_meant(wanted.classifier):
        with place():
            return _given(services().predict.predict(request))
    asked = several.asked(wanted.classifier, wanted.version)
    with place(len(asked.names)):
        found = several.predict(request, asked)
    return {"answers": {name: _given(answer) for name, answer in found.items()}, "unanswered": asked.unanswered}


def _given(answer: dict[str, Any]) -> dict[str, Any]:
    """Add the addresses of the similar images, and the names that clients of older services know."""
    model = {"classifier": answer["classifier"], "version": answer["model_version"]}
    for case in answer.get("similar") or ():
        case["image"] = url_for("models.training_image", sha256=case["sha256"], **model)
    return answer | {"label": answer["predicted_class"], "probability": answer["confidence"]}


for rule in ("/api/predict", "/predict"):
    blueprint.post(
        rule,
        responses={200: GivenAnswerOrAnswers, **problems(400, 404, 408, 413, 415, 503)},
        openapi_extensions=body(PredictForm, "file", raw_image=True),
        operation_id={"/api/predict": "predict", "/predict": "predict_by_old_address"}[rule],
    )(predict)
