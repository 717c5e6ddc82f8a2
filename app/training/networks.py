"""Builds the networks: uint8 image -> scaling -> feature map -> global average pooling -> softmax head."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from app.errors import InvalidInput
from app.training.backbones import get_backbone
from app.training.runtime import keras

FEATURES, EMBEDDING, HEAD = "features", "embedding", "probabilities"
SCALINGS: Mapping[str, tuple[float, float]] = {"unit": (1 / 255, 0.0), "symmetric": (1 / 127.5, -1.0)}
layers = keras.layers


def build_network(name: str, size: int, classes: int, weights: Path | None = None) -> keras.Model:
    """The Keras model of a backbone: uint8 (n, size, size, 3) RGB in, probabilities (n, classes) out.

    The layers FEATURES and EMBEDDING give the feature map and its mean. `weights` is a `.weights.h5` file of the
    feature map's layers; InvalidInput when it does not fit.
    """
    row = get_backbone(name)
    image = keras.Input((size, size, 3), dtype="uint8", name="image")
    scale, offset = SCALINGS[row.scaling]
    pixels = layers.Rescaling(scale, offset, name="scaling")(image)
    feature_map = BUILDERS[row.build](pixels)
    if weights is not None:
        _load(keras.Model(image, feature_map), weights, name)
    feature_map = layers.Activation("linear", name=FEATURES)(feature_map)
    embedding = layers.GlobalAveragePooling2D(name=EMBEDDING)(feature_map)
    probabilities = layers.Dense(classes, activation="softmax", name=HEAD)(embedding)
    return keras.Model(image, probabilities, name=name)


def embedder(network: keras.Model) -> keras.Model:
    """The part of `network` from the image to the embedding; it shares the weights."""
    return keras.Model(network.input, network.get_layer(EMBEDDING).output)


def custom_cnn(pixels: keras.KerasTensor) -> keras.KerasTensor:
    """65,000 parameters and a map of 1/16 of the side: coarse enough to learn from some hundred images.

    Few layers with pooling between them: a small lesion that shows in few places must outweigh all the others.
    """
    x = _convolution(pixels, 24, kernel=5, strides=2)
    for filters in (32, 64, 64):
        x = layers.MaxPooling2D()(x)
        x = _convolution(x, filters)
    return x


def mobilenetv2(pixels: keras.KerasTensor) -> keras.KerasTensor:
    """MobileNetV2 (Sandler et al. 2018) with alpha 0.35: 410,000 parameters, a map of 1/32 of the side."""
    return keras.applications.MobileNetV2(input_tensor=pixels, alpha=0.35, include_top=False, weights=None).output


def _load(body: keras.Model, weights: Path, name: str) -> None:
    """Load pretrained weights; InvalidInput when the file is not of this network."""
    try:
        body.load_weights(weights)
    except (ValueError, OSError, KeyError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise InvalidInput(f"The weights in {weights} are not those of {name}: {reason}.") from error


def _convolution(x: keras.KerasTensor, filters: int, kernel: int = 3, strides: int = 1) -> keras.KerasTensor:
    """Convolution, batch normalisation, ReLU."""
    x = layers.Conv2D(filters, kernel, strides=strides, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.8)(x)  # its averages must settle within the few steps of a small training
    return layers.Activation("relu")(x)


BUILDERS: Mapping[str, Callable[[keras.KerasTensor], keras.KerasTensor]] = {
    "custom_cnn": custom_cnn,
    "mobilenetv2": mobilenetv2,
}
