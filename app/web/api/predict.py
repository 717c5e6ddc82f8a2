"""Predicting: one image now, many as a job."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask_openapi3 import APIBlueprint, Tag

from app.web import forms
from app.web.api.jobs import accepted
from app.web.context import services
from app.web.docs import body, problems
from app.web.schemas import Accepted, ClassifierField, PredictForm, PredictionAnswer

blueprint = APIBlueprint("predict", __name__, abp_tags=[Tag(name="Predict")])


def predict() -> dict[str, Any]:
    """Answer one image: multipart field `file`, or the image as the whole body."""
    data, filename = forms.image()
    wanted = forms.fields(PredictForm)
    return services().predict.predict(data, wanted.classifier, wanted.version, wanted.explain, filename)


for rule in ("/api/predict", "/predict"):
    blueprint.post(
        rule,
        responses={200: PredictionAnswer, **problems(400, 404, 413, 415, 503)},
        openapi_extensions=body(PredictForm, "file", raw_image=True),
        operation_id=rule.strip("/").replace("/", "_"),
    )(predict)


@blueprint.post(
    "/api/bulk-predict",
    responses={202: Accepted, **problems(400, 404, 413)},
    openapi_extensions=body(ClassifierField, "files"),
)
def bulk_predict() -> Response:
    """Accept many images, field `files` repeated or a zip archive, as a job."""
    forms.allow_bulk()
    wanted = forms.fields(ClassifierField)
    return accepted(services().batch.submit(wanted.classifier, forms.uploads()))
