"""What exported graphs have in common: names of inputs, outputs and files, and the weights of activation maps."""

from __future__ import annotations

from app.inference.arrays import Floats

INPUT, OUTPUTS, BODY_OUTPUTS = "image", ("probabilities", "embedding", "activation"), ("embedding", "features")
GRAPH, EIGHT_BITS, ARCHIVE = "body.onnx", "body.int8.onnx", "body.keras"


def map_weights(kernel: Floats, bias: Floats) -> tuple[Floats, Floats]:
    """Return the kernel (d, classes) and bias (classes,) that turn a feature map into class activation maps.

    Class activation maps (Zhou et al. 2016) are the head applied at each place of the feature map. Subtracting the mean
    over the classes changes no probability. The mean of a map is then the logit of its class relative to the others,
    and a place is positive where it speaks for the class.
    """
    return kernel - kernel.mean(axis=-1, keepdims=True), bias - bias.mean(axis=-1, keepdims=True)
