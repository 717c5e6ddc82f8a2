"""The typed form of a classifier's YAML file."""

from __future__ import annotations

import re
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator


def _slug(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        raise ValueError(f"{name!r} is not a valid name; use at most 40 of a-z, 0-9 and _, a letter first")
    return name


Slug = Annotated[str, AfterValidator(_slug)]
Share = Annotated[float, Field(gt=0, lt=1)]
Split = Literal["train", "val", "test"]
ROUNDING = 0.01  # by which shares that a person wrote down may miss 1
SPLITS: tuple[Split, ...] = ("train", "val", "test")


class Frozen(BaseModel):
    """A record that cannot change and accepts no field it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ClassSpec(Frozen):
    """One class: its name in data and answers, its title for people, and how Fovea draws it."""

    name: Slug
    title: str
    drawing: str | None = None


class CsvLabels(Frozen):
    """A form of table that holds labels: its file name and two of its columns.

    Its image names may lack their suffix, or all have the same `extension` left out.
    """

    file: str
    image_column: str
    label_column: str
    extension: str = ""


class CsvQuality(Frozen):
    """A table of how good each image is; images of a quality in `drop` are left out, those it does not name stay."""

    file: str
    image_column: str
    quality_column: str
    drop: tuple[str, ...]


def _as_list(value: object) -> object:
    """Take one form, or none, where several may stand, as older files and cards have it."""
    return [] if value is None else [value] if isinstance(value, dict) else value


class DataSpec(Frozen):
    """How labels, splits and patients are read from this classifier's images.

    `folders`: a folder per class, optionally below split folders. `prefix`: the file name begins with the class
    (`cat.0.jpg`). `csv`: a table, of the first of these forms whose file is there. `label_map` turns a label as found
    into a class; null drops the image. `quality` filters. `group_pattern` is a regular expression whose first group
    names the patient.
    """

    convention: Literal["folders", "prefix", "csv"] = "folders"
    split_folders: dict[str, Split] = {"train": "train", "val": "val", "test": "test"}
    label_map: dict[str, Slug | None] = {}
    csv: Annotated[tuple[CsvLabels, ...], BeforeValidator(_as_list)] = ()
    quality: CsvQuality | None = None
    group_pattern: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.convention == "csv" and not self.csv:
            raise ValueError("the csv convention needs a 'csv' section")
        if self.group_pattern is not None:
            try:
                groups = re.compile(self.group_pattern).groups
            except re.error as error:
                raise ValueError(f"group_pattern is not a regular expression: {error}") from error
            if groups < 1:
                raise ValueError("group_pattern needs a group in brackets that captures the patient")
        return self


def _as_shares(value: object) -> object:
    """Take "80/10/10" (train, val, test) or "80/20" (train, the rest in halves), in percent, for the shares."""
    if not isinstance(value, str):
        return value
    parts = re.fullmatch(r"(\d+)/(\d+)(?:/(\d+))?", value.replace(" ", ""))
    if parts is None:
        raise ValueError(f"{value!r} is no division; write 80/20, 80/10/10, or a share for each of train, val and test")
    first, second = int(parts[1]) / 100, int(parts[2]) / 100
    val, test = (second / 2, second / 2) if parts[3] is None else (second, int(parts[3]) / 100)
    return {"train": first, "val": val, "test": test}


class SplitSpec(Frozen):
    """The shares of the images that train, that thresholds and epochs are chosen by, and that test."""

    train: Share = 0.70
    val: Share = 0.15
    test: Share = 0.15

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if abs(sum(self.shares.values()) - 1) > ROUNDING:
            shares = ", ".join(f"{name} {share:g}" for name, share in self.shares.items())
            raise ValueError(f"the shares of train, val and test must add up to 1, not {shares}")
        return self

    @property
    def shares(self) -> dict[Split, float]:
        """The share of each split."""
        return {"train": self.train, "val": self.val, "test": self.test}


class Preprocessing(Frozen):
    """From a decoded photograph to the square that the network sees.

    `crop`: `retina` finds the fundus' circle and pads it to a square, `center` cuts the largest central square,
    `pad` adds black borders, `stretch` ignores the aspect. `contrast`: `clahe` equalises the lightness of each
    neighbourhood, `local_average` subtracts the colour around each pixel. `size`: the square's side in pixels; null
    in a YAML file means the backbone's own.
    """

    crop: Literal["retina", "center", "pad", "stretch"] = "pad"
    contrast: Literal["none", "clahe", "local_average"] = "none"
    size: int | None = Field(default=None, ge=32, le=1024)


class TrainingSpec(Frozen):
    """Defaults of a training run; every one can be overridden by the call that starts it.

    `pretrained`: the backbone used with mode head when its weights are in WEIGHTS_DIR and the call names no
    other; `pretrained_size` is the side of its squares, null its own. `fine_tuned`: the share of a pretrained network's
    parameters, counted from above, that the mode "full" trains. `flip_horizontal`, `flip_vertical` and `turn` (degrees
    to either side) are how far images are varied; `varied` is from how many varied copies of each a head learns.
    """

    backbone: str = "custom_cnn"
    mode: Literal["head", "full"] = "full"
    pretrained: str | None = None
    pretrained_size: int | None = Field(default=None, ge=32, le=1024)
    epochs: int = Field(default=20, ge=1, le=500)
    batch_size: int = Field(default=32, ge=1, le=512)
    learning_rate: float = Field(default=1e-3, gt=0, le=1)
    patience: int = Field(default=6, ge=1)
    fine_tuned: float = Field(default=0.5, gt=0, le=1)
    flip_horizontal: bool = True
    flip_vertical: bool = False
    turn: float = Field(default=15, ge=0, le=180)
    varied: int = Field(default=1, ge=0, le=8)
    balance: Literal["weights", "none"] = "weights"
    seed: int = 7


class OperatingPointSpec(Frozen):
    """Where a screening refers: at the threshold with this sensitivity, or at the best one by a criterion.

    `best`: `balanced` has the highest sum of sensitivity and specificity, `f1` the highest F1.
    """

    sensitivity: float | None = Field(default=None, ge=0.5, lt=1)
    best: Literal["balanced", "f1"] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.sensitivity is not None and self.best is not None:
            raise ValueError("operating_point takes a sensitivity or a best, not both")
        return self


class PromotionSpec(Frozen):
    """When a new version becomes champion.

    `margin`: on the test images it must be sure (at 95 %) that `metric` did not fall by more than this. A version
    that is surely worse, even by less, never promotes itself.
    """

    policy: Literal["auto", "manual", "never"] = "auto"
    metric: Literal["balanced_accuracy", "accuracy", "auroc"] = "balanced_accuracy"
    margin: float = Field(default=0.03, ge=0, le=0.5)


class Screening(NamedTuple):
    """The indices of the classes that are `referred`, none without a screening; `ordered`: the classes are grades."""

    referred: tuple[int, ...] = ()
    ordered: bool = False


class ClassifierSpec(Frozen):
    """A configured problem. `positive` names the class that a screening refers, if there is one.

    `coverage`: of the photographs of each class, the share whose prediction set holds that class. `prevalence`: how
    often the classes occur where the answers are used, of each class or of those referred; the probabilities are
    then for that mix, not for that of the training images. `split`: how groups that have no split are divided; those
    that were used by a training keep theirs. `reject_ungradable`: a photograph too poor to judge gets no
    other decision; else its quality is only reported.
    """

    name: Slug
    title: str
    description: str
    classes: tuple[ClassSpec, ...] = Field(min_length=2, max_length=1000)
    medical: bool = False
    positive: Slug | None = None
    ordinal: bool = False
    refer_from: Slug | None = None
    coverage: float = Field(default=0.95, gt=0.5, lt=1)
    prevalence: Share | dict[Slug, Share] | None = None
    reject_ungradable: bool = True
    operating_point: OperatingPointSpec = OperatingPointSpec()
    data: DataSpec = DataSpec()
    split: Annotated[SplitSpec, BeforeValidator(_as_shares)] = SplitSpec()
    preprocessing: Preprocessing = Preprocessing()
    training: TrainingSpec = TrainingSpec()
    promotion: PromotionSpec = PromotionSpec()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = self.class_names
        if len(set(names)) != len(names):
            raise ValueError("two classes have the same name")
        if self.positive is not None and self.positive not in names:
            raise ValueError(f"positive: {self.positive!r} is not one of the classes")
        for label in self.data.label_map.values():
            if label is not None and label not in names:
                raise ValueError(f"label_map: {label!r} is not one of the classes")
        self._check_grades()
        self._check_prevalence()
        return self

    def _check_grades(self) -> None:
        if self.refer_from is None:
            return
        if not self.ordinal:
            raise ValueError("refer_from is for classes in an order; set ordinal: true")
        if self.positive is not None:
            raise ValueError("positive and refer_from both say what a screening refers; leave one out")
        if self.refer_from not in self.class_names[1:]:
            raise ValueError(f"refer_from: {self.refer_from!r} is none of the classes after the first")

    def _check_prevalence(self) -> None:
        if isinstance(self.prevalence, float) and not self.referred:
            raise ValueError("prevalence: one number is that of the positive class, and there is none; name each class")
        if isinstance(self.prevalence, dict):
            if set(self.prevalence) != set(self.class_names):
                raise ValueError(f"prevalence needs a share for each class: {', '.join(self.class_names)}")
            if abs(sum(self.prevalence.values()) - 1) > ROUNDING:
                raise ValueError("prevalence: the shares of the classes must add up to 1")

    def settled(self, size: int, **training: object) -> Self:
        """Return a copy for one training run: the side of the network's input in pixels, and its training settings."""
        return self.model_copy(
            update={
                "training": self.training.model_copy(update=training),
                "preprocessing": self.preprocessing.model_copy(update={"size": size}),
            }
        )

    @property
    def screening(self) -> Screening:
        """Whom a screening refers, and whether the classes are grades."""
        names = self.class_names
        if self.refer_from is not None:
            return Screening(tuple(range(names.index(self.refer_from), len(names))), self.ordinal)
        return Screening((names.index(self.positive),) if self.positive else (), self.ordinal)

    @property
    def referred(self) -> tuple[str, ...]:
        """The names of the classes that a screening refers; none where it refers nobody."""
        return tuple(self.class_names[index] for index in self.screening.referred)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the model's outputs."""
        return tuple(item.name for item in self.classes)
