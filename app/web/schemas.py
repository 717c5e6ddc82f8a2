"""What goes in and comes out of the HTTP interface, for validation and for its documentation."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, field_validator

DEFAULT_CLASSIFIER = "eye_diseases"


class Schema(BaseModel):
    """Base of all schemas. Its JSON schema is made once, since the query's validation asks for it at every request."""

    model_config = ConfigDict(protected_namespaces=())

    @classmethod
    @cache
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]  # noqa: ANN401 - pydantic's, cached
        """Return the JSON schema."""
        return super().model_json_schema(*args, **kwargs)


class ClassifierField(Schema):
    """The classifier to use."""

    classifier: str = Field(default=DEFAULT_CLASSIFIER, max_length=40, description="Name of the classifier")


class OptionalClassifier(Schema):
    """The classifier to look at; all when it is left out."""

    classifier: str | None = Field(default=None, max_length=40, description="Name of the classifier; all if left out")


class PredictForm(ClassifierField):
    """What to answer with."""

    version: str | None = Field(default=None, max_length=20, description="A number, 'champion' or 'challenger'")
    explain: bool = Field(default=False, description="Add a heat map of what the answer rests on")


class UploadForm(ClassifierField):
    """How the images are labelled."""

    label: str | None = Field(default=None, max_length=40, description="The class of every image in this call")
    split: str | None = Field(default=None, max_length=5, description="train, val or test; drawn if left out")


class RetrainForm(ClassifierField):
    """What is left out comes from the classifier's file."""

    backbone: str | None = Field(default=None, max_length=40)
    mode: str | None = Field(default=None, max_length=10, description="head or full")
    epochs: int | None = Field(default=None, description="1 to 500")
    weights: Literal["imagenet", "none"] = Field(default="imagenet", description="What a backbone starts from")
    promote: str | None = Field(default=None, max_length=10, description="auto, manual or never")


class FeedbackForm(Schema):
    """What the image really shows."""

    label: str = Field(max_length=40)


class ReasonForm(Schema):
    """Why the alias is moved."""

    reason: str = Field(default="By request.", max_length=500)


class JobPath(Schema):
    """A job's address."""

    job_id: str = Field(max_length=64)


class ClassifierPath(Schema):
    """A classifier's address."""

    classifier: str = Field(max_length=40)


class VersionPath(ClassifierPath):
    """A model version's address."""

    version: int = Field(ge=1, le=1_000_000_000)


class DatasetVersionPath(ClassifierPath):
    """A dataset version's address."""

    version: str = Field(max_length=64)


class PredictionPath(Schema):
    """A prediction's address."""

    prediction_id: str = Field(max_length=64)


class JobsQuery(Schema):
    """Which jobs to list."""

    status: Literal["queued", "running", "succeeded", "failed", "cancelled"] | None = None
    kind: Literal["bulk_predict", "retrain", "audit"] | None = None
    limit: int = Field(default=50, ge=1, le=500)


class ResultsQuery(Schema):
    """The form of a bulk prediction's results."""

    format: Literal["json", "csv"] = "json"


class PredictionsQuery(OptionalClassifier):
    """Which predictions to list."""

    decision: str | None = Field(default=None, max_length=40)
    before: datetime | None = Field(default=None, description="Continue a listing: only what is older")
    limit: int = Field(default=50, ge=1, le=500)

    @field_validator("before")
    @classmethod
    def _utc(cls, value: datetime | None) -> datetime | None:
        """Take a moment without a zone as UTC, as all moments here are."""
        if value is None or value.tzinfo is None:
            return value and value.replace(tzinfo=UTC)
        try:
            return value.astimezone(UTC)
        except OverflowError:
            raise ValueError("this moment is out of range") from None


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


class PredictionAnswer(Schema):
    """The answer to one image."""

    id: str
    classifier: str
    model_version: int
    predicted_class: str
    prediction: str = Field(description="Equal to predicted_class")
    confidence: float
    probabilities: dict[str, float]
    prediction_set: list[str] = Field(description="The classes that cannot be ruled out (conformal, 90 % by default)")
    decision: str = Field(description="accept, refer, no_refer, uncertain, ungradable or out_of_distribution")
    quality: Quality
    novelty: Novelty
    explanation: str | None = Field(default=None, description="Heat map over the image: a PNG as a data URL")
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


class Jobs(RootModel[list[JobAnswer]]):
    """Jobs, the newest first."""


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
