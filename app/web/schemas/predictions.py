"""Schemas of predictions, as they are given and as they are logged."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field, RootModel

from app.web.schemas.requests import Schema


class Quality(Schema):
    """How well the photograph can be graded."""

    score: float
    gradable: bool
    reasons: list[str]


class Novelty(Schema):
    """How far the image is from the training images."""

    score: float
    threshold: float
    in_distribution: bool


class SimilarCase(Schema):
    """A training image whose embedding is near that of the image."""

    label: str
    distance: float = Field(description="Cosine distance of the embeddings: 0 for the same, 1 for unrelated")
    sha256: str
    image: str = Field(description="Address of a small JPEG; 404 where the image is no longer on this machine")


class PredictionAnswer(Schema):
    """The answer to one image."""

    id: str
    classifier: str
    model_version: int
    predicted_class: str
    prediction: str = Field(description="Equal to predicted_class")
    patient: str | None = Field(description="Whose photograph it is, as the caller said")
    eye: str | None = Field(description="left or right, as the caller said")
    confidence: float
    probabilities: dict[str, float]
    prediction_set: list[str] = Field(
        description="The classes that cannot be ruled out (class-conditional conformal, 95 % by default); empty where"
        " the image is like none of them"
    )
    decision: str = Field(description="accept, refer, no_refer, uncertain, ungradable or out_of_distribution")
    prevalence: dict[str, float] | None = Field(
        description="The class mix of the clinic that probabilities are adjusted to; null where they are for that of"
        " the calibration images",
    )
    operating_point: float | None = Field(
        description="The referral_probability from which a screening refers; null without one"
    )
    referral_probability: float | None = Field(
        description="Of the classes that a screening refers, together: the positive one, or all grades from refer_from"
        " on; null where it refers none",
    )
    grade: int | None = Field(
        description="Where the classes are grades: which one predicted_class is, from 0 on; else null"
    )
    quality: Quality
    novelty: Novelty
    explanation: str | None = Field(
        default=None,
        description="Heat map as a transparent PNG in a data URL, to be drawn over the upright photograph; null also"
        " where the network has no feature map",
    )
    similar: list[SimilarCase] | None = Field(
        default=None, description="The nearest first; null for a version without training images: train a new one"
    )
    timestamp: datetime
    duration_ms: float
    notice: str | None
    cached: bool = Field(default=False, description="The same version has answered this very image before")


class GivenAnswer(PredictionAnswer):
    """The answer as a prediction gives it, with the names that clients of older services know."""

    label: str = Field(description="Equal to predicted_class")
    probability: float = Field(description="Equal to confidence")


class GivenAnswers(Schema):
    """The answers of several classifiers to one image."""

    answers: dict[str, GivenAnswer] = Field(description="By classifier")
    unanswered: dict[str, str] = Field(description="Of `all`: why a classifier cannot answer now, by its name")


class GivenAnswerOrAnswers(RootModel[GivenAnswer | GivenAnswers]):
    """One answer where one classifier was named, else the answers by classifier."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> dict[str, Any]:  # noqa: ANN401 - pydantic's
        """Say `oneOf`, which is what it is; pydantic says `anyOf` of every union."""
        schema: dict[str, Any] = handler.resolve_ref_schema(handler(core))
        schema["oneOf"] = schema.pop("anyOf")
        return schema


class Feedback(Schema):
    """What a person said the image shows, and when."""

    label: str
    at: datetime | None


class GivenReview(Schema):
    """What a reviewer said."""

    reviewer: str
    verdict: Literal["right", "wrong", "unsure", "ungradable"]
    label: str | None
    note: str | None
    at: datetime


class Agreement(Schema):
    """How far two reviewers agree on the answers that both reviewed."""

    reviewers: list[str]
    n: int
    same: int
    kappa: float | None = Field(description="Cohen's kappa; null where both say one thing only")


class ReviewSummary(Schema):
    """The verdicts of each reviewer, and their agreement."""

    reviewers: dict[str, dict[str, int]]
    agreement: list[Agreement]


class LoggedPrediction(PredictionAnswer):
    """A prediction in the log."""

    filename: str | None
    job_id: str | None
    sha256: str
    feedback: Feedback | None
    reviews: list[GivenReview] = Field(description="One of each reviewer, the oldest first")


class LoggedPredictions(RootModel[list[LoggedPrediction]]):
    """Answers, the newest first."""
