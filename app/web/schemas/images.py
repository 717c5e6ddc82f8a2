"""Schemas of the calls that return images of a dataset, of feedback or of a test."""

from __future__ import annotations

from pydantic import Field

from app.web.schemas.predictions import LoggedPrediction
from app.web.schemas.requests import ClassifierPath, OptionalClassifier, Schema


class FeedbackQuery(OptionalClassifier):
    """Which corrections to list."""

    limit: int = Field(default=50, ge=0, le=500)


class PageQuery(Schema):
    """One page of a list."""

    offset: int = Field(default=0, ge=0, le=1_000_000_000)
    limit: int = Field(default=24, ge=1, le=200)


class AnswersQuery(PageQuery):
    """Which test images, and which other version to compare with."""

    limit: int = Field(default=12, ge=1, le=24)
    against: int | None = Field(default=None, ge=1, le=1_000_000_000, description="Another version of the classifier")


class ImageQuery(Schema):
    """The size of the picture."""

    side: int = Field(default=320, ge=16, le=320, description="Pixels of the longer side")


class ImagePath(ClassifierPath):
    """The address of an image of a dataset."""

    sha256: str = Field(max_length=64)


class WaitingFeedback(Schema):
    """Corrections that wait to be added to the dataset."""

    waiting: dict[str, int] = Field(description="Number of waiting corrections by classifier")
    predictions: list[LoggedPrediction] = Field(description="The newest label first")


class AcceptedFeedback(Schema):
    """A correction became a labelled image; `added` is false where the dataset had it."""

    classifier: str
    label: str
    added: bool


class VersionAnswer(Schema):
    """The answer of one version."""

    predicted_class: str
    confidence: float
    probabilities: dict[str, float]
    decision: str


class ExaminedImage(Schema):
    """A test image, its label, and the answers of one version or two."""

    sha256: str
    label: str
    file: str
    answer: VersionAnswer
    other: VersionAnswer | None = None


class Examined(Schema):
    """Some of `total` test images; `own`: those that the version was tested on, else the present ones."""

    total: int
    own: bool
    answers: list[ExaminedImage]
