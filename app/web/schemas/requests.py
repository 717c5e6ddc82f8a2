"""Schemas of the requests, for validation and documentation; those of the responses are in `answers`."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from app.context import services
from app.inference.similar import MOST
from app.services.datasets.uploads import MAX_NAMES

DEFAULT: Final = "the default classifier"  # stands in the JSON schema for its name, which is known with the settings


class Schema(BaseModel):
    """Base of all schemas. Its JSON schema is made once, since the query's validation asks for it at every request.

    An optional field that is empty or null counts as left out: forms send those that nobody filled in, Swagger UI
    sends the text `null`.
    """

    model_config = ConfigDict(protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _left_out(cls, given: Any) -> Any:  # noqa: ANN401 - whatever came
        if not isinstance(given, dict):
            return given
        if any(isinstance(value, str) and "\0" in value for value in given.values()):
            raise ValueError("a value holds a NUL character, which no name or text has")
        optional = {name for name, field in cls.model_fields.items() if not field.is_required()}
        return {name: value for name, value in given.items() if name not in optional or value not in ("", "null", None)}

    @classmethod
    @cache
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]  # noqa: ANN401 - pydantic's, cached
        """Return the JSON schema."""
        return super().model_json_schema(*args, **kwargs)


class ClassifierField(Schema):
    """The classifier to use."""

    classifier: str = Field(
        default_factory=lambda: services().catalog.default,
        max_length=40,
        description="Name of the classifier",
        json_schema_extra={"default": DEFAULT},
    )


class OptionalClassifier(Schema):
    """The classifier; all when it is left out."""

    classifier: str | None = Field(default=None, max_length=40, description="Name of the classifier; all if left out")


class StatisticsQuery(OptionalClassifier):
    """What to count."""

    hours: int | None = Field(default=None, ge=1, le=8784, description="Only the last hours; all time if left out")


class PredictForm(ClassifierField):
    """What to answer with."""

    classifier: str = Field(
        default_factory=lambda: services().catalog.default,
        max_length=1000,
        description="Name of the classifier; several names with commas between them, or 'all', for an answer of each",
        json_schema_extra={"default": DEFAULT},
    )
    version: str | None = Field(default=None, max_length=20, description="A version number, 'champion' or 'challenger'")
    explain: bool = Field(default=False, description="Add a heat map of what the answer rests on")
    similar: int = Field(default=0, ge=0, le=MOST, description="How many of the nearest training images to return")
    patient: str | None = Field(default=None, max_length=80, description="Whose photograph it is: kept and given back")
    eye: Literal["left", "right"] | None = Field(default=None, description="Which eye it is: kept and given back")


class BulkForm(ClassifierField):
    """Which job the images are for."""

    job_id: str | None = Field(default=None, max_length=64, description="Add the images to this waiting job")
    more: bool = Field(default=False, description="Keep the job waiting: more images follow in another call")
    sort: bool = Field(
        default=False, description="Put this call's files in the natural order of their paths, not in that of sending"
    )


class UploadForm(ClassifierField):
    """How the images are labelled."""

    label: str | None = Field(default=None, max_length=40, description="The class of every image in this call")
    split: str | None = Field(
        default=None, max_length=5, description="train, val or test; assigned by patient if left out"
    )


class PreviewForm(Schema):
    """An upload that is to come, by its names."""

    files: list[str] = Field(max_length=MAX_NAMES, description="The files' names, with their folders")
    tables: dict[str, str] = Field(
        default_factory=dict, description="The text of each CSV table among them, by its name"
    )
    label: str | None = Field(default=None, max_length=40, description="The class of every image")
    split: str | None = Field(default=None, max_length=5, description="train, val or test, for every image")


class RetrainForm(ClassifierField):
    """Settings of a training run; those left out come from the classifier's file."""

    backbone: str | None = Field(default=None, max_length=40)
    mode: str | None = Field(default=None, max_length=10, description="head or full")
    epochs: int | None = Field(default=None, description="1 to 500")
    weights: Literal["imagenet", "none"] = Field(default="imagenet", description="The initial weights of the backbone")
    promote: str | None = Field(default=None, max_length=10, description="auto, manual or never")


class FeedbackForm(Schema):
    """What the image really shows."""

    label: str = Field(max_length=40)


class ReviewForm(Schema):
    """What a reviewer says of an answer."""

    verdict: Literal["right", "wrong", "unsure", "ungradable"]
    label: str | None = Field(default=None, max_length=40, description="What the image shows, if the verdict is wrong")
    note: str | None = Field(default=None, max_length=2000)
    reviewer: str | None = Field(
        default=None, max_length=80, description="Your name, where no key is asked for; else it is the key's"
    )


class ReviewerQuery(Schema):
    """Whose review is meant."""

    reviewer: str | None = Field(default=None, max_length=80, description="Your name, where no key is asked for")


class ReasonForm(Schema):
    """Why the alias is moved, or the version removed."""

    reason: str = Field(default="By request.", max_length=500)


class ChallengerForm(ReasonForm):
    """The traffic that the challenger gets."""

    mode: Literal["off", "shadow", "canary"] = Field(
        description="off: none; shadow: it answers after the champion, unseen; canary: it answers a share of requests"
    )
    version: int | None = Field(
        default=None, ge=1, le=1_000_000_000, description="The version to try; the present challenger if left out"
    )
    percent: float | None = Field(
        default=None, gt=0, le=100, description="Share of the requests; if left out, 100 for shadow and 10 for canary"
    )


class JobPath(Schema):
    """A job's address."""

    job_id: str = Field(max_length=64)


class ClassifierPath(Schema):
    """A classifier's address."""

    classifier: str = Field(max_length=40)


class VersionPath(ClassifierPath):
    """A model version's address."""

    version: int = Field(ge=1, le=1_000_000_000)


class TrainingImagePath(VersionPath):
    """The address of an image that a model version was trained on."""

    sha256: str = Field(max_length=64)


class DatasetVersionPath(ClassifierPath):
    """A dataset version's address."""

    version: str = Field(max_length=64)


class PredictionPath(Schema):
    """A prediction's address."""

    prediction_id: str = Field(max_length=64)


class JobsQuery(Schema):
    """Which jobs to list."""

    status: Literal["queued", "running", "succeeded", "failed", "cancelled"] | None = None
    kind: Literal["bulk_predict", "retrain", "audit", "upload"] | None = None
    limit: int = Field(default=50, ge=1, le=500)


class CancelQuery(Schema):
    """What a cancelled job leaves behind."""

    keep: bool = Field(default=False, description="Keep a training's best epoch so far, as the challenger")


class ResultsQuery(Schema):
    """Which of a bulk prediction's results, and their form."""

    format: Literal["json", "jsonl", "csv", "parquet"] = "json"
    offset: int = Field(default=0, ge=0, le=1_000_000_000)
    limit: int | None = Field(default=None, ge=1, le=1_000_000_000, description="Rows at most; all if left out")
    decision: str | None = Field(
        default=None, max_length=40, description="Only rows of this decision; also error (no answer) and waiting"
    )
    predicted_class: str | None = Field(default=None, max_length=40, description="Only rows of this predicted class")


class PredictionsQuery(OptionalClassifier):
    """Which predictions to list."""

    decision: str | None = Field(default=None, max_length=40)
    predicted_class: str | None = Field(default=None, max_length=40)
    patient: str | None = Field(default=None, max_length=80, description="Only those of this patient")
    q: str | None = Field(default=None, max_length=100, description="Part of the file name or the patient")
    reviewed: bool | None = Field(default=None, description="Only those that somebody has reviewed, or nobody")
    since: datetime | None = Field(default=None, description="Only from this moment on")
    until: datetime | None = Field(default=None, description="Only before this moment")
    before: datetime | None = Field(default=None, description="The same as until, as older clients call it")
    cursor: str | None = Field(
        default=None, max_length=80, description="Continue a listing: X-Next-Cursor of the answer before"
    )
    limit: int = Field(default=50, ge=1, le=500)

    @field_validator("before", "since", "until")
    @classmethod
    def _utc(cls, value: datetime | None) -> datetime | None:
        """Take a moment without a zone as UTC, as all moments here are."""
        if value is None or value.tzinfo is None:
            return value and value.replace(tzinfo=UTC)
        try:
            return value.astimezone(UTC)
        except OverflowError:
            raise ValueError("this moment is out of range") from None
