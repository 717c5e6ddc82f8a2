"""Schemas of the calls that make, change and delete classifiers."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field, model_validator

from app.web.schemas.answers import PreviewAnswer, UploadAnswer
from app.web.schemas.requests import Schema

MAX_NAMES: Final = 50_000
MAX_PATH: Final = 1000
Section = dict[str, Any]


class ClassifierChanges(Schema):
    """The fields of a classifier's YAML file; see docs/classifiers.md. Null gives a field its default again."""

    title: str | None = Field(default=None, description="What people read")
    description: str | None = None
    classes: list[str | dict[str, str]] | None = Field(
        default=None, description="Names, or objects with name and title; two at least"
    )
    medical: bool | None = Field(default=None, description="Every answer then says that it is no diagnosis")
    positive: str | None = Field(default=None, description="The class that a screening refers")
    ordinal: bool | None = Field(default=None, description="The classes are grades, the lowest first")
    refer_from: str | None = Field(default=None, description="Of grades, the lowest that a screening refers")
    split: str | dict[str, float] | None = Field(default=None, description="Such as 80/10/10, or a share for each")
    coverage: float | None = None
    prevalence: float | dict[str, float] | None = None
    reject_ungradable: bool | None = None
    operating_point: Section | None = None
    data: Section | None = None
    preprocessing: Section | None = None
    training: Section | None = None
    promotion: Section | None = None


class ClassifierFields(ClassifierChanges):
    """A classifier: a name and two classes are enough."""

    name: str = Field(description="At most 40 of a-z, 0-9 and _, a letter first; it stays as it is")


class ClassifierForm(Schema):
    """A classifier that is made of labelled images."""

    name: str = Field(max_length=40, description="At most 40 of a-z, 0-9 and _, a letter first; it stays as it is")
    title: str | None = Field(default=None, max_length=120)
    description: str | None = Field(default=None, max_length=2000)
    classes: str | None = Field(
        default=None, description="Names, with commas between them; if left out, those that folders and files tell"
    )
    positive: str | None = Field(default=None, max_length=40, description="The class that a screening refers")
    medical: bool = False
    crop: Literal["retina", "center", "pad", "stretch"] | None = None

    def given(self) -> dict[str, Any]:
        """Return the fields as a YAML file has them."""
        fields = self.model_dump(exclude_none=True, exclude={"classes", "crop"})
        if self.classes:
            fields["classes"] = [name.strip() for name in self.classes.split(",") if name.strip()]
        return fields | ({"preprocessing": {"crop": self.crop}} if self.crop else {})


class Names(Schema):
    """Names of files, with their folders."""

    files: list[str] = Field(max_length=MAX_NAMES)

    @model_validator(mode="after")
    def _short(self) -> Names:
        if any(len(name) > MAX_PATH for name in self.files):
            raise ValueError(f"files: a path may have at most {MAX_PATH} characters")
        return self


class ConfirmQuery(Schema):
    """Whether a deletion is meant."""

    confirm: str | None = Field(default=None, max_length=40, description="The classifier's name once more")


class Created(Schema):
    """A new classifier; of one made with images also what became of them."""

    name: str
    title: str
    description: str
    classes: list[dict[str, str | None]]
    source: Literal["builtin", "file", "stored"]
    editable: bool
    champion: int | None
    dataset: UploadAnswer | None


class Deleted(Schema):
    """What went."""

    classifier: str
    deleted: dict[str, int] = Field(description="Number of images, predictions, jobs and versions")


class Proposal(PreviewAnswer):
    """What names tell of a new classifier: `classes` and `data` as POST /api/classifiers takes them, and a preview."""

    classes: list[dict[str, str]]
    data: Section
