"""Schemas of the calls that browse and change the images of a dataset."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field, field_validator

from app.services.datasets.curation.changes import MOST
from app.web.schemas.images import PageQuery
from app.web.schemas.requests import ClassifierPath, Schema


class ImagesQuery(PageQuery):
    """Which of a dataset's images to list."""

    label: str | None = Field(default=None, max_length=40, description="Only those of this class")
    split: Literal["train", "val", "test", "unassigned"] | None = Field(
        default=None, description="Only those that were given this split, or none"
    )
    used: Literal["train", "val", "test", "never"] | None = Field(
        default=None, description="Only those whose earliest use in a dataset version is this, or none"
    )
    source: str | None = Field(default=None, max_length=40, description="Only those from this source")
    tag: str | None = Field(default=None, max_length=40, description="Only those with this tag")
    group: str | None = Field(default=None, max_length=255, description="Only those of this patient or group")
    q: str | None = Field(default=None, max_length=255, description="A part of the file name")
    finding: str | None = Field(default=None, max_length=40, description="Only those that a finding of the audit lists")
    sort: Literal["newest", "oldest", "name", "label"] = "newest"
    cursor: str | None = Field(default=None, max_length=1000, description="'next_cursor' of the page before")


class DatasetImage(Schema):
    """An image of a dataset."""

    sha256: str
    file: str
    label: str
    split: str | None = Field(description="The split that was given or chosen; null where training chooses")
    placed: bool = Field(description="Whether somebody chose the split by hand")
    tags: list[str]
    source: str
    group: str = Field(description="What shares its split; its own SHA-256 where no patient is known")
    patient: str | None
    width: int
    height: int
    used: str | None = Field(description="The earliest split that a dataset version had it in; null for none")
    used_in_training: bool = Field(description="Whether a model has learned from it or was chosen by it")
    thumbnail: str
    added_at: datetime
    at: datetime = Field(description="The same as 'added_at'")


class DatasetImages(Schema):
    """Some of a dataset's images."""

    total: int | None = Field(description="How many there are; null on pages after the first")
    next_cursor: str | None = Field(description="Where the next page begins; null on the last")
    images: list[DatasetImage]


class ReasonField(Schema):
    """Why something is changed."""

    reason: str = Field(default="", max_length=500, description="Kept with the change")


class EditForm(ReasonField):
    """What to change about an image."""

    label: str | None = Field(default=None, max_length=40, description="Its class")
    split: str | None = Field(default=None, max_length=10, description="train, val, test or unassigned")
    tags: list[str] | None = Field(default=None, max_length=20, description="All its tags")
    tags_added: list[str] = Field(default=[], max_length=20)
    tags_removed: list[str] = Field(default=[], max_length=20)
    whole_groups: bool = Field(
        default=False, description="Also move all of its patient, or relabel all that show the same"
    )

    @field_validator("tags", "tags_added", "tags_removed", mode="before")
    @classmethod
    def _split(cls, given: Any) -> Any:  # noqa: ANN401 - whatever came
        return _listed(given)


class RemoveForm(ReasonField):
    """Which images to remove."""

    sha256: list[str] = Field(max_length=MOST, description="The images; all of them, or none")

    @field_validator("sha256", mode="before")
    @classmethod
    def _split_hashes(cls, given: Any) -> Any:  # noqa: ANN401 - whatever came
        return _listed(given)


class BulkEditForm(EditForm, RemoveForm):
    """What to change about many images."""


def _listed(given: Any) -> Any:  # noqa: ANN401 - whatever came
    """Read a form's field, which is one text with commas."""
    return [part.strip() for part in given.split(",") if part.strip()] if isinstance(given, str) else given


class Changed(Schema):
    """What a change did."""

    classifier: str
    revision: int = Field(description="The number of the dataset's last change")
    action: str | None = Field(description="relabelled, moved, tagged, changed, removed or undone; null for nothing")
    changed: list[str] = Field(description="The SHA-256 of the images that were changed")
    unchanged: int = Field(description="How many were so already")


class ChangedImage(DatasetImage):
    """The image after the change."""

    revision: int
    changed: bool


class ChangesQuery(Schema):
    """Which changes to list."""

    cursor: str | None = Field(default=None, max_length=1000, description="'next_cursor' of the page before")
    limit: int = Field(default=20, ge=1, le=200)


class ChangePath(ClassifierPath):
    """A change's address."""

    number: int = Field(ge=1, le=1_000_000_000)


class DatasetChange(Schema):
    """A change of a dataset's images."""

    number: int = Field(description="The revision of the dataset from then on")
    action: str
    actor: str
    reason: str
    images: int
    at: datetime
    undoes: int | None = Field(description="The change that this one took back")
    undone_by: int | None


class DatasetChanges(Schema):
    """Changes of a dataset, the newest first."""

    changes: list[DatasetChange]
    next_cursor: str | None


class ImageChange(Schema):
    """What a change did to one image; null where the dataset did not have it."""

    sha256: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class DatasetChangeInFull(DatasetChange):
    """A change with each of its images."""

    details: list[ImageChange]


class ComparePath(ClassifierPath):
    """Two dataset versions; each may be `present`, the dataset as it is now."""

    version: str = Field(max_length=64)
    other: str = Field(max_length=64)


class CompareQuery(Schema):
    """How much to list."""

    limit: int = Field(default=100, ge=0, le=1000, description="Images of each kind that are listed")


class VersionCounts(Schema):
    """The number of images of each kind."""

    added: int
    removed: int
    relabelled: int
    moved: int
    unchanged: int


class VersionImage(Schema):
    """An image that one of two versions has."""

    sha256: str
    label: str
    split: str


class VersionStep(Schema):
    """A label or split in one version and the other."""

    sha256: str
    before: str
    after: str


class ComparedVersions(Schema):
    """What the second of two dataset versions has changed from the first."""

    classifier: str
    from_: str = Field(alias="from")
    to: str
    counts: VersionCounts
    added: list[VersionImage]
    removed: list[VersionImage]
    relabelled: list[VersionStep]
    moved: list[VersionStep]
