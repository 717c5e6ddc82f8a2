"""Schemas of the responses."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field, RootModel

from app.web.schemas.requests import Schema


class Accepted(Schema):
    """A job was accepted."""

    job_id: str
    status_url: str


class Progress(Schema):
    """The progress of a job."""

    done: int
    total: int
    percent: float
    stage: str
    eta_seconds: float | None


class Event(Schema):
    """A change of a job's status, and its cause."""

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
    request_id: str | None = Field(description="X-Request-ID of the call that started it; null where none did")
    actor: str | None = Field(description="Who started it: a key, a command or the system; null where not known")
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

    decision: str = Field(description="The decision, or error or waiting")
    predicted_class: str | None
    images: int


class ResultCounts(RootModel[list[ResultCount]]):
    """All rows of a bulk prediction, counted."""


class Rejected(Schema):
    """A rejected file."""

    file: str = Field(description="The file's relative path as it was sent, with its folders")
    kind: str = Field(description="unreadable, unlabelled, dropped, filtered, duplicate, conflict or not_an_image")
    reason: str


class UploadAnswer(Schema):
    """The result of an upload."""

    classifier: str
    accepted: int
    duplicates: int
    ignored: int = Field(description="Number of files that operating systems add, such as Thumbs.db and __MACOSX/")
    rejected: list[Rejected]
    kinds: dict[str, int] = Field(description="Number of rejected files by kind")
    counts: dict[str, dict[str, int]]


class PreviewedImage(Schema):
    """An image as it would be read, if it is whole."""

    file: str = Field(description="Its name as it was sent")
    label: str
    split: Literal["train", "val", "test"] | None = Field(description="null where training decides it")
    told_by: Literal["label", "table", "folder", "name"] = Field(description="What gave its label")


class PreviewAnswer(Schema):
    """What an upload would be read as."""

    classifier: str
    convention: Literal["folders", "prefix", "csv"] = Field(
        description="How the classifier's file says labels are read"
    )
    images: list[PreviewedImage]
    counts: dict[str, dict[str, int]] = Field(
        description="Number of images by split (unassigned where training decides it) and class"
    )
    told_by: dict[str, int] = Field(description="Number of images by what gave their label")
    rejected: list[Rejected] = Field(description="Files that would be left out")
    kinds: dict[str, int] = Field(description="Number of rejected files by kind")
    tables: list[str] = Field(description="The tables that labels or qualities were read from")
    archives: list[str] = Field(description="Zip archives; what they hold is known once they are sent")
    ignored: list[str] = Field(description="Files that operating systems add")


class AliasAnswer(Schema):
    """The version that the alias champion points at."""

    classifier: str
    champion: int


class TrafficSetting(Schema):
    """A setting of the challenger's traffic, and when it was made."""

    version: int
    mode: Literal["off", "shadow", "canary"]
    percent: float
    reason: str
    at: datetime


class TrafficAnswer(Schema):
    """The challenger compared with the champion: `shadow` on the same images, `canary` on different requests."""

    classifier: str
    champion: int | None
    challenger: int | None
    mode: Literal["off", "shadow", "canary"]
    percent: float
    history: list[TrafficSetting]
    shadow: dict[str, Any] | None
    canary: dict[str, Any] | None
