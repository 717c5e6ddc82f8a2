"""Networks of the user's own: an ONNX file in WEIGHTS_DIR, described by a YAML file of the same name beside it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from app.classifiers.spec import Frozen, Slug
from app.errors import InvalidInput
from app.faults import sentence

MODEL, DESCRIPTION = ".onnx", ".yaml"
Text = Annotated[str, Field(min_length=1, max_length=300)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Colours = tuple[float, float, float]
Positive = Annotated[float, Field(gt=0)]
RANGES = {"none": (1.0, 0.0), "unit": (1 / 255, 0.0), "symmetric": (1 / 127.5, -1.0)}  # factor, and what is added


class OwnBody(Frozen):
    """The YAML file: what the network takes and gives.

    `size`: the side of its square input in pixels. `scaling`: the range of the pixels, 0 to 255 (none), 0 to 1 (unit)
    or -1 to 1 (symmetric); `mean` is then subtracted and the result divided by `std`, each for red, green and blue.
    `layout`: the order of the axes of the input and of a feature map with four. `embedding` and `feature_map` name
    outputs; without an embedding it is the mean of the feature map. `tokens_before`: of a feature map of tokens, as
    vision transformers give it, how many come before those of the image (class and register tokens).
    """

    title: Text
    source: Text
    licence: Text
    size: int = Field(ge=64, le=1024)
    scaling: Literal["none", "unit", "symmetric"] = "unit"
    mean: Colours = (0.0, 0.0, 0.0)
    std: tuple[Positive, Positive, Positive] = (1.0, 1.0, 1.0)
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    embedding: Name | None = None
    feature_map: Name | None = None
    tokens_before: int = Field(default=0, ge=0, le=64)

    @model_validator(mode="after")
    def _some_output(self) -> Self:
        if self.embedding is None and self.feature_map is None:
            raise ValueError("name an output of the network: embedding, feature_map or both")
        return self

    @property
    def standardised(self) -> tuple[list[float], list[float]]:
        """What each colour of 0 to 255 is multiplied with, and what is added then."""
        factor, offset = RANGES[self.scaling]
        pairs = list(zip(self.mean, self.std, strict=True))
        return [factor / std for _, std in pairs], [(offset - mean) / std for mean, std in pairs]


class _Named(Frozen):
    name: Slug


def read_body(description: Path) -> OwnBody:
    """Read and validate one YAML file; InvalidInput names the file and the field."""
    try:
        _Named(name=description.stem)
        return OwnBody.model_validate(yaml.safe_load(description.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise InvalidInput(f"{description}: {sentence(error)}") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidInput(f"{description} cannot be read: {' '.join(str(error).split())}.") from error


def own_files(folder: Path | None) -> dict[str, tuple[Path, Path]]:
    """The ONNX and the YAML file of each network in WEIGHTS_DIR, by its name."""
    if folder is None:
        return {}
    pairs = ((path.with_suffix(MODEL), path) for path in sorted(folder.glob(f"*{DESCRIPTION}")))
    return {description.stem: (model, description) for model, description in pairs if model.is_file()}


def own_bodies(folder: Path | None) -> dict[str, OwnBody]:
    """The networks in WEIGHTS_DIR whose YAML file is valid, by name."""
    found = {}
    for name, (_, description) in own_files(folder).items():
        with suppress(InvalidInput):  # told when the server starts, and to who asks for it by name
            found[name] = read_body(description)
    return found
