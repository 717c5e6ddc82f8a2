"""The table of backbones. A new one is one row and one function in networks.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.errors import InvalidInput


@dataclass(frozen=True)
class Backbone:
    """One row: `build` names the function of `app.training.networks` that makes the feature map.

    `size` is the default side of the input in pixels, `scaling` the range of pixels that the network expects (0 to 1
    or -1 to 1), `pace` what the learning rate of a training is multiplied with when it starts from chance,
    `weights_file` the ImageNet weights to look for in WEIGHTS_DIR, None where there are none.
    """

    title: str
    build: str
    size: int
    scaling: Literal["unit", "symmetric"]
    pace: float = 1.0
    weights_file: str | None = None


BACKBONES: Mapping[str, Backbone] = {
    "custom_cnn": Backbone("Small convolutional network", "custom_cnn", 128, "unit", pace=3.0),
    "mobilenetv2": Backbone(
        "MobileNetV2 (alpha 0.35)",
        "mobilenetv2",
        224,
        "symmetric",
        weights_file="mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.weights.h5",
    ),
}


def get_backbone(name: str) -> Backbone:
    """The row of that name; InvalidInput lists the names."""
    if name not in BACKBONES:
        raise InvalidInput(f"There is no backbone {name!r}; choose one of: {', '.join(BACKBONES)}.")
    return BACKBONES[name]


def find_weights(name: str, weights: str, weights_dir: Path | None, mode: str = "full") -> Path | None:
    """The file that training starts from; None means from chance.

    `weights` is "imagenet" (from chance for a backbone without pretrained weights), "none" or a path. InvalidInput
    says which file is missing and where to put it, or that the mode "head" has no trained features to stand on.
    """
    row = get_backbone(name)
    if weights == "none" or (weights == "imagenet" and row.weights_file is None):
        if mode == "head":
            raise InvalidInput(
                f"The mode 'head' trains on features learned before, but {name} would start without weights; choose"
                " the mode 'full', or a backbone with pretrained weights."
            )
        return None
    path = Path(weights)
    if weights == "imagenet" and row.weights_file is not None:
        path = (weights_dir or Path("WEIGHTS_DIR")) / row.weights_file
    if not path.is_file():
        raise InvalidInput(
            f"The pretrained weights of {name} are not at {path}; put the file there (WEIGHTS_DIR names its folder),"
            " choose weights 'none', or choose the backbone custom_cnn."
        )
    return path
