"""Builds the networks: uint8 image -> scaling -> feature map -> global average pooling -> softmax head."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app.errors import InvalidInput
from app.training.networks.architectures import BUILDERS
from app.training.networks.backbones import check_size, get_backbone
from app.training.networks.runtime import keras

FEATURES, EMBEDDING, HEAD = "features", "embedding", "probabilities"
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's red, green and blue, 0 to 1
CAFFE_MEAN = (103.939, 116.779, 123.68)  # of ImageNet's blue, green and red, 0 to 255
layers = keras.layers


def build_network(name: str, size: int, classes: int, weights: Sequence[Path] = ()) -> keras.Model:
    """The Keras model of a backbone: uint8 (n, size, size, 3) RGB in, probabilities (n, classes) out.

    The layers FEATURES and EMBEDDING give the feature map and its mean. `weights` are files of the feature map's
    layers, one for each part of the body or one for all; InvalidInput when one does not fit, or the size does not.
    """
    check_size(name, size)
    row = get_backbone(name)
    image = keras.Input((size, size, 3), dtype="uint8", name="image")
    body = BUILDERS[row.build](_scaled(image, row.scaling))
    ends = body.parts if len(weights) == len(body.parts) else (body.feature_map,)
    for path, end in zip(weights, ends, strict=False):
        _load(keras.Model(image, end), path, name)
    feature_map = layers.Activation("linear", name=FEATURES)(body.feature_map)
    embedding = layers.GlobalAveragePooling2D(name=EMBEDDING)(feature_map)
    probabilities = layers.Dense(classes, activation="softmax", name=HEAD)(embedding)
    return keras.Model(image, probabilities, name=name)


def _scaled(image: keras.KerasTensor, scaling: str) -> keras.KerasTensor:
    """The pixels in the range that the network expects."""
    if scaling == "caffe":
        red, green, blue = keras.ops.split(layers.Rescaling(1.0)(image), 3, axis=-1)
        return layers.Rescaling(1.0, [-mean for mean in CAFFE_MEAN])(layers.concatenate([blue, green, red]))
    if scaling == "imagenet":
        scale = [1 / (255 * deviation) for deviation in DEVIATION]
        offset = [-mean / deviation for mean, deviation in zip(MEAN, DEVIATION, strict=True)]
        return layers.Rescaling(scale, offset)(image)
    return layers.Rescaling(1 / 127.5, -1.0)(image) if scaling == "symmetric" else layers.Rescaling(1 / 255)(image)


def _load(body: keras.Model, weights: Path, name: str) -> None:
    """Load pretrained weights; InvalidInput when the file is not of this network."""
    try:
        body.load_weights(weights)
    except (ValueError, OSError, KeyError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise InvalidInput(f"The weights in {weights} are not those of {name}: {reason}.") from error
