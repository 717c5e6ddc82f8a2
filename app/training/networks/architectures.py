"""The bodies of the networks: from scaled pixels to a feature map."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.training.networks.runtime import keras

layers = keras.layers
FAINT = 1e-3  # a channel's mean that is as good as none
WIDTHS = (24, 48, 96, 192)  # of the residual U-Net's levels; a third of the paper's, for some hundred images
INNER_V1 = ("conv_pw_5_relu", "conv_pw_8_relu", "conv_pw_11_relu")
INNER_V2 = ("block_6_expand_relu", "block_10_expand_relu", "block_13_expand_relu")


@dataclass(frozen=True)
class Body:
    """A feature map, and the ends of the parts that have a weights file each."""

    feature_map: keras.KerasTensor
    parts: tuple[keras.KerasTensor, ...]


def custom_cnn(pixels: keras.KerasTensor) -> Body:
    """17,000 parameters and a map of 1/4 of the side, each place of which sees 11 pixels and no farther.

    With a wider view it learns to point beside the evidence as well as at it.
    """
    x = _narrow(pixels)
    x = _attended(x, x.shape[-1])
    return Body(x, (x,))


def custom_cnn_focused(pixels: keras.KerasTensor) -> Body:
    """The same with one map of weights: for classes that show at one and the same place, such as the lens.

    With weights of its own a channel can say at the rim of the iris that the pupil is not black. 13,000 parameters.
    """
    x = _attended(_narrow(pixels), 1)
    return Body(x, (x,))


def vgg16(pixels: keras.KerasTensor) -> Body:
    """VGG16 (Simonyan & Zisserman 2015): 14.7 million parameters, a map of 1/32 of the side."""
    return _application(keras.applications.VGG16(input_tensor=pixels, include_top=False, weights=None))


def resnet50(pixels: keras.KerasTensor) -> Body:
    """ResNet50 (He et al. 2016): 23.6 million parameters, a map of 1/32 of the side."""
    return _application(keras.applications.ResNet50(input_tensor=pixels, include_top=False, weights=None))


def mobilenet(pixels: keras.KerasTensor) -> Body:
    """MobileNet (Howard et al. 2017) up to its last layer but one: 2.2 million parameters, 1/32 of the side."""
    end = _mobilenet(pixels).get_layer("conv_pw_12_relu").output
    return Body(end, (end,))


def mobilenetv2(pixels: keras.KerasTensor, alpha: float = 0.35) -> Body:
    """MobileNetV2 (Sandler et al. 2018): 410,000 parameters with alpha 0.35, a map of 1/32 of the side."""
    return _application(_mobilenetv2(pixels, alpha))


def efficientnetv2b0(pixels: keras.KerasTensor) -> Body:
    """EfficientNetV2-B0 (Tan & Le 2021): 5.9 million parameters, a map of 1/32 of the side."""
    return _application(
        keras.applications.EfficientNetV2B0(
            input_tensor=pixels, include_top=False, weights=None, include_preprocessing=False
        )
    )


def resunet(pixels: keras.KerasTensor) -> Body:
    """Deep residual U-Net (Zhang, Liu & Wang 2018, Road Extraction by Deep Residual U-Net), its decoder's features.

    Pre-activated residual units; each level of the decoder sees the encoder's level of the same resolution.
    """
    x, skips = pixels, []
    for level, filters in enumerate(WIDTHS):
        x = _residual(x, filters, strides=2 if level else 1, activate=level > 0)
        skips.append(x)
    for filters, skip in zip(WIDTHS[-2::-1], skips[-2::-1], strict=True):
        x = layers.concatenate([layers.UpSampling2D()(x), skip])
        x = _residual(x, filters)
    return Body(x, (x,))


def mobilenet_pair(pixels: keras.KerasTensor) -> Body:
    """MobileNet and MobileNetV2 (alpha 0.35), their maps of 1/32 of the side one on the other: 2304 features."""
    ends = (_mobilenet(pixels).get_layer("conv_pw_12_relu").output, _mobilenetv2(pixels, 0.35).output)
    return Body(layers.concatenate(ends), ends)


def mobilenet_pyramid(pixels: keras.KerasTensor) -> Body:
    """The pair with inner layers of both, averaged down to the grid of the last: finer and plainer features, too.

    4016 features, each the root of a channel's mean.
    """
    first, second = _mobilenet(pixels), _mobilenetv2(pixels, 0.35)
    ends = (first.get_layer("conv_pw_12_relu").output, second.output)
    inner = [*(first.get_layer(name).output for name in INNER_V1), *(second.get_layer(n).output for n in INNER_V2)]
    side = ends[0].shape[1]
    pooled = [layers.AveragePooling2D(each.shape[1] // side)(each) for each in inner]
    return Body(_rooted(layers.concatenate([*pooled, *ends])), ends)


def mobilenet_closer(pixels: keras.KerasTensor) -> Body:
    """The pair's look at the image and its look at the central quarter, enlarged to the same side, summed.

    2304 features. The map has a place for every 8 pixels; the second look lies where it looked.
    """
    rows, columns = pixels.shape[1:3]
    central = layers.Cropping2D((rows // 4, columns // 4))(pixels)
    enlarged = layers.UpSampling2D(2, interpolation="bilinear")(central)
    body = mobilenet_pair(layers.Concatenate(axis=0)([pixels, enlarged]))  # one network, twice as many images
    whole, close = keras.ops.split(body.feature_map, 2)
    rows, columns = whole.shape[1:3]
    placed = layers.ZeroPadding2D((rows, columns))(layers.UpSampling2D(2)(close))
    # a quarter of the places: fourfold, so that the map's mean is the sum of both looks' means
    return Body(layers.add([layers.UpSampling2D(4)(whole), layers.Rescaling(4.0)(placed)]), body.parts)


def _rooted(x: keras.KerasTensor) -> keras.KerasTensor:
    """Channels over the root of their means, so that they pool to roots: no channel outshouts the others.

    Power normalisation (Perronnin, Sanchez & Mensink 2010).
    """
    means = layers.GlobalAveragePooling2D(keepdims=True)(x)
    return layers.multiply([x, keras.ops.rsqrt(means + FAINT)])


def _application(model: keras.Model) -> Body:
    return Body(model.output, (model.output,))


def _mobilenet(pixels: keras.KerasTensor) -> keras.Model:
    return keras.applications.MobileNet(input_tensor=pixels, include_top=False, weights=None)


def _mobilenetv2(pixels: keras.KerasTensor, alpha: float) -> keras.Model:
    return keras.applications.MobileNetV2(input_tensor=pixels, alpha=alpha, include_top=False, weights=None)


def _narrow(pixels: keras.KerasTensor) -> keras.KerasTensor:
    """64 channels, a place for every 4 pixels."""
    x = _convolution(pixels, 16, kernel=5, strides=2)
    x = layers.MaxPooling2D()(_convolution(x, 32))
    return _convolution(_convolution(x, 64, kernel=1), 64, kernel=1)


def _convolution(x: keras.KerasTensor, filters: int, kernel: int = 3, strides: int = 1) -> keras.KerasTensor:
    """Convolution, batch normalisation, ReLU."""
    x = layers.Conv2D(filters, kernel, strides=strides, padding="same", use_bias=False)(x)
    return _activated(x)


def _attended(x: keras.KerasTensor, maps: int) -> keras.KerasTensor:
    """Weigh the places by what they show, so that a small lesion outweighs all that surrounds it.

    Attention pooling (Ilse, Tomczak & Welling 2018), with one map of weights for all channels or for each its own. The
    mean weight is 1, so the mean of what comes out is the weighted mean of the features, and class activation maps of
    it are exact.
    """
    rows, columns = x.shape[1:3]
    places = layers.Reshape((rows * columns, maps))(layers.Conv2D(maps, 1)(x))
    weights = layers.Rescaling(rows * columns)(layers.Softmax(axis=1)(places))
    return layers.multiply([x, layers.Reshape((rows, columns, maps))(weights)])


def _residual(x: keras.KerasTensor, filters: int, strides: int = 1, *, activate: bool = True) -> keras.KerasTensor:
    """Two convolutions beside a projection; the first is not activated where `x` is the image."""
    short = layers.BatchNormalization(momentum=0.8)(layers.Conv2D(filters, 1, strides=strides)(x))
    inner = _activated(x) if activate else x
    inner = layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)(inner)
    inner = layers.Conv2D(filters, 3, padding="same")(_activated(inner))
    return layers.add([short, inner])


def _activated(x: keras.KerasTensor) -> keras.KerasTensor:
    """Batch normalisation, whose averages must settle within the few steps of a small training, and ReLU."""
    return layers.Activation("relu")(layers.BatchNormalization(momentum=0.8)(x))


BUILDERS: Mapping[str, Callable[[keras.KerasTensor], Body]] = {
    "custom_cnn": custom_cnn,
    "custom_cnn_focused": custom_cnn_focused,
    "vgg16": vgg16,
    "resnet50": resnet50,
    "mobilenet": mobilenet,
    "mobilenetv2": mobilenetv2,
    "mobilenetv2_100": lambda pixels: mobilenetv2(pixels, 1.0),
    "efficientnetv2b0": efficientnetv2b0,
    "resunet": resunet,
    "mobilenet_pair": mobilenet_pair,
    "mobilenet_pyramid": mobilenet_pyramid,
    "mobilenet_closer": mobilenet_closer,
}
