"""What the interface answers."""

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
    """How unlike the training images it is."""

    score: float
    threshold: float
    in_distribution: bool


class SimilarCase(Schema):
    """A training image that looks like the one asked about to the network."""

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
    confidence: float
    probabilities: dict[str, float]
    prediction_set: list[str] = Field(
        description="The classes that cannot be ruled out (class-conditional conformal, 95 % by default); empty where"
        " the image is like none of them"
    )
    decision: str = Field(description="accept, refer, no_refer, uncertain, ungradable or out_of_distribution")
    prevalence: dict[str, float] | None = Field(
        default=None,
        description="The class mix of the clinic that probabilities are adjusted to; null where they are for that of"
        " the calibration images",
    )
    operating_point: float | None = Field(
        default=None, description="The positive class's probability from which it is referred; null without one"
    )
    quality: Quality
    novelty: Novelty
    explanation: str | None = Field(
        default=None, description="Heat map to lay over the upright photograph: a transparent PNG as a data URL"
    )
    similar: list[SimilarCase] | None = Field(
        default=None, description="The nearest first; null where this version keeps no training images: train it anew"
    )
    timestamp: datetime
    duration_ms: float
    notice: str | None


class Feedback(Schema):
    """What a person said the image shows, and when."""

    label: str
    at: datetime | None


class LoggedPrediction(PredictionAnswer):
    """An answer as the log has it."""

    filename: str | None
    job_id: str | None
    sha256: str
    feedback: Feedback | None


class LoggedPredictions(RootModel[list[LoggedPrediction]]):
    """Answers, the newest first."""


class Accepted(Schema):
    """A job was accepted."""

    job_id: str
    status_url: str


class Progress(Schema):
    """How far a job is."""

    done: int
    total: int
    percent: float
    stage: str
    eta_seconds: float | None


class Event(Schema):
    """What happened to a job: the status from then on, and the cause."""

    at: datetime
    status: str
    cause: str


class JobAnswer(Schema):
    """A job."""

    id: str
    kind: str
    classifier: str
    status: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    progress: Progress
    params: dict[str, Any]
    history: list[dict[str, Any]]
    errors: list[dict[str, Any]]
    result: dict[str, Any] | None
    attempts: int
    cancel_requested: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class JobDetail(JobAnswer):
    """A job and its log."""

    events: list[Event]


class Jobs(RootModel[list[JobAnswer]]):
    """Jobs, the newest first."""


class ResultCount(Schema):
    """How many images of a bulk prediction have this decision and predicted class."""

    decision: str = Field(description="That of the answers, or error or waiting")
    predicted_class: str | None
    images: int


class ResultCounts(RootModel[list[ResultCount]]):
    """All rows of a bulk prediction, counted."""


class Rejected(Schema):
    """A file that was not taken."""

    file: str
    kind: str = Field(description="unreadable, unlabelled, dropped, filtered, duplicate, conflict or not_an_image")
    reason: str


class UploadAnswer(Schema):
    """What became of an upload."""

    classifier: str
    accepted: int
    duplicates: int
    rejected: list[Rejected]
    kinds: dict[str, int] = Field(description="How many were not taken, by kind")
    counts: dict[str, dict[str, int]]


class AliasAnswer(Schema):
    """Where the champion points now."""

    classifier: str
    champion: int


class TrafficSetting(Schema):
    """What a challenger got to answer, and since when."""

    version: int
    mode: Literal["off", "shadow", "canary"]
    percent: float
    reason: str
    at: datetime


class TrafficAnswer(Schema):
    """The challenger beside the champion; `shadow`: of the same images, `canary`: of different requests."""

    classifier: str
    champion: int | None
    challenger: int | None
    mode: Literal["off", "shadow", "canary"]
    percent: float
    history: list[TrafficSetting]
    shadow: dict[str, Any] | None
    canary: dict[str, Any] | None
