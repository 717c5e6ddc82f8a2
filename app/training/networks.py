"""Builds the networks: uint8 image -> scaling -> feature map -> global average pooling -> softmax head."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from app.errors import InvalidInput
from app.training.backbones import get_backbone
from app.training.runtime import keras

FEATURES, EMBEDDING, HEAD = "features", "embedding", "probabilities"
SCALINGS: Mapping[str, tuple[float, float]] = {"unit": (1 / 255, 0.0), "symmetric": (1 / 127.5, -1.0)}
layers = keras.layers


def build_network(name: str, size: int, classes: int, weights: Path | None = None) -> Any:
    """The Keras model of a backbone: uint8 (n, size, size, 3) RGB in, probabilities (n, classes) out.

    The layers FEATURES and EMBEDDING give the feature map and its mean. InvalidInput when `weights` do not fit.
    """
    row = get_backbone(name)
    image = keras.Input((size, size, 3), dtype="uint8", name="image")
    scale, offset = SCALINGS[row.scaling]
    pixels = layers.Rescaling(scale, offset, name="scaling")(image)
    try:
        feature_map = BUILDERS[row.build](pixels, weights)
    except (ValueError, OSError) as error:
        raise InvalidInput(f"The weights in {weights} are not those of {name}: {error}.") from error
    feature_map = layers.Activation("linear", name=FEATURES)(feature_map)
    embedding = layers.GlobalAveragePooling2D(name=EMBEDDING)(feature_map)
    probabilities = layers.Dense(classes, activation="softmax", name=HEAD)(embedding)
    return keras.Model(image, probabilities, name=name)


def embedder(network: Any) -> Any:
    """The part of `network` from the image to the embedding; it shares the weights."""
    return keras.Model(network.input, network.get_layer(EMBEDDING).output)


def custom_cnn(pixels: Any, _: Path | None) -> Any:
    """Some 60,000 parameters, and a map of an eighth of the image's side, fine enough to point at a lesion.

    Residual blocks (He et al. 2016) of separable convolutions (Chollet 2017).
    """
    x = _convolution(layers.Conv2D, pixels, 16, strides=2)
    for filters in (32, 64):
        x = _convolution(layers.Conv2D, x, filters, strides=2)
        x = _residual(x, filters)
    x = _residual(x, 64)
    return x


def mobilenetv2(pixels: Any, weights: Path | None) -> Any:
    """MobileNetV2 (Sandler et al. 2018) with alpha 0.35: 410,000 parameters, a map of 1/32 of the side."""
    return keras.applications.MobileNetV2(
        input_tensor=pixels, alpha=0.35, include_top=False, weights=None if weights is None else str(weights)
    ).output


def _convolution(kind: Callable[..., Any], x: Any, filters: int, strides: int = 1) -> Any:
    """3 x 3 convolution, batch normalisation, ReLU."""
    x = kind(filters, 3, strides=strides, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)  # adapts within the few steps of a small training
    return layers.Activation("relu")(x)


def _residual(x: Any, filters: int) -> Any:
    """Two separable convolutions and a shortcut."""
    y = _convolution(layers.SeparableConv2D, x, filters)
    y = _convolution(layers.SeparableConv2D, y, filters)
    return layers.Add()([x, y])


BUILDERS: Mapping[str, Callable[[Any, Path | None], Any]] = {
    "custom_cnn": custom_cnn,
    "mobilenetv2": mobilenetv2,
}
