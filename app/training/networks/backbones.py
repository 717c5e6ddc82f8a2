"""The table of backbones, and the user's own beside it.

A new one is one row and one function in architectures.py, or an ONNX file with a YAML file in WEIGHTS_DIR.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.classifiers.spec import ClassifierSpec, TrainingSpec
from app.errors import InvalidInput
from app.training.networks.own import OwnBody, own_bodies, own_files, read_body

MOBILENET = "mobilenet_v1_1.0_224_to_conv_pw_12_relu.weights.h5"
MOBILENETV2 = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.weights.h5"


@dataclass(frozen=True)
class Backbone:
    """One row: `build` names the function of `app.training.architectures` that makes the feature map.

    `size` is the default side of the input in pixels and `stride` what it must be a multiple of; `scaling` is the
    range of pixels that the network expects: 0 to 1, -1 to 1, "imagenet" (standardised by ImageNet's mean and
    deviation) or "caffe" (BGR less ImageNet's mean). `pace` multiplies the learning rate of a training
    that starts from random weights, `weights_files` the ImageNet weights to look for in WEIGHTS_DIR, one for each
    part of the network; empty where there are none. `batch` is how many images of the default size can be trained on
    at a time within 4 GB. `eight_bits`: frozen below a head, its convolutions compute in eight bits.
    """

    title: str
    build: str
    size: int
    scaling: Literal["unit", "symmetric", "imagenet", "caffe"]
    weights_files: tuple[str, ...] = ()
    pace: float = 1.0
    stride: int = 1
    batch: int = 64
    eight_bits: bool = False
    own: OwnBody | None = None


BACKBONES: Mapping[str, Backbone] = {
    "custom_cnn": Backbone("Small convolutional network", "custom_cnn", 128, "unit", pace=3.0, batch=512),
    "custom_cnn_focused": Backbone(
        "Small convolutional network with a narrow view", "custom_cnn_focused", 128, "unit", pace=3.0, batch=512
    ),
    "vgg16": Backbone("VGG16", "vgg16", 224, "caffe", ("vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",), batch=8),
    "resnet50": Backbone(
        "ResNet50", "resnet50", 224, "caffe", ("resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",), batch=8
    ),
    "mobilenet": Backbone("MobileNet", "mobilenet", 224, "symmetric", (MOBILENET,), batch=32, eight_bits=True),
    "mobilenetv2": Backbone(
        "MobileNetV2 (alpha 0.35)", "mobilenetv2", 224, "symmetric", (MOBILENETV2,), eight_bits=True
    ),
    "mobilenetv2_100": Backbone(
        "MobileNetV2 (alpha 1.0)",
        "mobilenetv2_100",
        224,
        "symmetric",
        ("mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",),
        batch=16,
    ),
    "efficientnetv2b0": Backbone(
        "EfficientNetV2-B0", "efficientnetv2b0", 224, "imagenet", ("efficientnetv2-b0_notop.h5",), batch=16
    ),
    "resunet": Backbone("Deep residual U-Net", "resunet", 128, "unit", pace=3.0, stride=8, batch=32),
    "mobilenet_pair": Backbone(
        "MobileNet and MobileNetV2 side by side",
        "mobilenet_pair",
        224,
        "symmetric",
        (MOBILENET, MOBILENETV2),
        stride=32,
        batch=16,
        eight_bits=True,
    ),
    "mobilenet_pyramid": Backbone(
        "MobileNet and MobileNetV2 with their inner layers",
        "mobilenet_pyramid",
        224,
        "symmetric",
        (MOBILENET, MOBILENETV2),
        stride=32,
        batch=16,
    ),
    "mobilenet_closer": Backbone(
        "MobileNet and MobileNetV2 applied to the image and to its centre",
        "mobilenet_closer",
        224,
        "symmetric",
        (MOBILENET, MOBILENETV2),
        stride=32,
        batch=8,
    ),
}


def get_backbone(name: str, weights_dir: Path | None = None) -> Backbone:
    """The row of that name, or the network of the user's in WEIGHTS_DIR; InvalidInput lists the names."""
    if name in BACKBONES:
        return BACKBONES[name]
    own = own_files(weights_dir)
    if name not in own:
        raise InvalidInput(f"There is no backbone {name!r}; choose one of: {', '.join([*BACKBONES, *own])}.")
    return _row(read_body(own[name][1]))


def all_backbones(weights_dir: Path | None) -> dict[str, Backbone]:
    """The rows of the table and the networks in WEIGHTS_DIR, by name."""
    own = own_bodies(weights_dir)
    return {**BACKBONES, **{name: _row(body) for name, body in own.items() if name not in BACKBONES}}


def check_own(weights_dir: Path | None) -> None:
    """InvalidInput when a description in WEIGHTS_DIR is not valid, or has the name of a backbone in the table."""
    for name, (_, description) in own_files(weights_dir).items():
        read_body(description)
        if name in BACKBONES:
            raise InvalidInput(f"{description} has the name of a backbone that Fovea has; give both files another.")


def _row(body: OwnBody) -> Backbone:
    return Backbone(body.title, "", body.size, "unit", own=body)


def input_size(name: str, spec: ClassifierSpec, weights_dir: Path | None = None) -> int:
    """The side of the squares that a classifier shows to the backbone, in pixels."""
    if spec.preprocessing.size is not None:
        return spec.preprocessing.size
    row = get_backbone(name, weights_dir)
    chosen = spec.training.pretrained_size if name == spec.training.pretrained and row.own is None else None
    return chosen or row.size


def check_size(name: str, size: int, weights_dir: Path | None = None) -> None:
    """InvalidInput when the backbone takes no images of that side."""
    row = get_backbone(name, weights_dir)
    if row.own is not None and size != row.size:
        raise InvalidInput(f"The size of the images must be {row.size} for {name}, as its file says, not {size}.")
    if size % row.stride:
        raise InvalidInput(f"The size of the images must be a multiple of {row.stride} for {name}, not {size}.")


def largest_batch(name: str, size: int, weights_dir: Path | None = None) -> int:
    """How many images of that side can be trained on at a time."""
    row = get_backbone(name, weights_dir)
    return max(1, row.batch * row.size**2 // size**2)


def find_weights(name: str, weights: str, weights_dir: Path | None, mode: str = "full") -> tuple[Path, ...]:
    """The files that training starts from, one for each part of the network or one for all; none for random weights.

    `weights` is "imagenet" (random for a backbone without pretrained weights), "none" or a path. InvalidInput
    says which file is missing and where to put it, or that the mode "head" needs pretrained features. Of a user's own
    network: its ONNX and its YAML file.
    """
    row = get_backbone(name, weights_dir)
    if row.own is not None:
        _check_only_head(name, weights, mode)
        return own_files(weights_dir)[name]
    if weights == "none" or (weights == "imagenet" and not row.weights_files):
        if mode == "head":
            raise InvalidInput(
                f"The mode 'head' trains on features learned before, but {name} would start without weights; choose"
                " the mode 'full', or a backbone with pretrained weights."
            )
        return ()
    folder = weights_dir or Path("WEIGHTS_DIR")
    paths = tuple(folder / file for file in row.weights_files) if weights == "imagenet" else (Path(weights),)
    for path in paths:
        if not path.is_file():
            raise InvalidInput(
                f"The pretrained weights of {name} are not at {path}; put the file there (WEIGHTS_DIR names its"
                " folder), choose weights 'none', or choose the backbone custom_cnn."
            )
    return paths


def _check_only_head(name: str, weights: str, mode: str) -> None:
    """InvalidInput when a user's network is to be trained itself, or to start from other weights than its own."""
    if mode != "head":
        raise InvalidInput(f"{name} is an ONNX file, which cannot be trained itself; choose the mode 'head'.")
    if weights != "imagenet":
        raise InvalidInput(f"{name} has its own weights; leave out the initial weights.")


def usual(training: TrainingSpec, weights_dir: Path | None) -> tuple[str, Literal["head", "full"]]:
    """The backbone and the mode of a run that names neither: pretrained where the weights are there."""
    if training.pretrained is not None:
        with suppress(InvalidInput):
            find_weights(training.pretrained, "imagenet", weights_dir, "head")
            return training.pretrained, "head"
    return training.backbone, training.mode


def find_all_weights(weights_dir: Path | None) -> dict[str, tuple[Path, ...]]:
    """The files of every backbone whose weights are there, the user's own too; InvalidInput when there are none."""
    paths = {
        name: tuple((weights_dir or Path("WEIGHTS_DIR")) / file for file in row.weights_files)
        for name, row in BACKBONES.items()
    }
    found = {name: files for name, files in paths.items() if files and all(file.is_file() for file in files)}
    found |= {name: files for name, files in own_files(weights_dir).items() if name in own_bodies(weights_dir)}
    if not found:
        raise InvalidInput(
            "There are no pretrained weights to search among; put some into a folder, and name it by WEIGHTS_DIR."
        )
    return found
