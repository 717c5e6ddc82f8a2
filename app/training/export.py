"""Writes a trained network as model.keras and as one ONNX graph with three outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

from app.training.networks import EMBEDDING, FEATURES, HEAD
from app.training.runtime import keras

INPUT, OUTPUTS = "image", ("probabilities", "embedding", "activation")


def export(network: keras.Model, folder: Path) -> None:
    """Write `model.keras` (without optimizer) and `model.onnx` (input and outputs named as above) to `folder`."""
    path = folder / "model.onnx"
    three = with_activation(network)
    three(np.zeros((1, *network.input_shape[1:]), np.uint8))  # Keras exports only a model that was called
    keras.Model(network.input, network.output).save(folder / "model.keras")  # anew: without the optimizer's state
    three.export(str(path), format="onnx", verbose=False)
    onnx.save(_renamed(onnx.load(path)), path)


def with_activation(network: keras.Model) -> keras.Model:
    """The network with the outputs OUTPUTS, float32: (n, classes), (n, d) and the maps (n, h, w, classes).

    Class activation maps (Zhou et al. 2016) are the head applied at each place of the feature map, a 1 x 1
    convolution with the head's weights. What all classes have in common is taken out, which changes no probability:
    the mean of a map is its class' logit, and a place is positive where it speaks for the class.
    """
    kernel, bias = (part - part.mean(axis=-1, keepdims=True) for part in network.get_layer(HEAD).get_weights())
    convolution = keras.layers.Conv2D(kernel.shape[1], 1, name="class_activation")
    activation = convolution(network.get_layer(FEATURES).output)
    convolution.set_weights([kernel[None, None], bias])
    outputs = [network.output, network.get_layer(EMBEDDING).output, activation]
    return keras.Model(network.input, outputs)


def _renamed(graph: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph with the names INPUT and OUTPUTS at its doors, whatever Keras called them."""
    names = [INPUT, *OUTPUTS]
    doors = [*graph.graph.input, *graph.graph.output]
    renaming = {door.name: name for door, name in zip(doors, names, strict=True)}
    for node in graph.graph.node:
        node.input[:] = [renaming.get(name, name) for name in node.input]
        node.output[:] = [renaming.get(name, name) for name in node.output]
    for door, name in zip(doors, names, strict=True):
        door.name = name
    return graph
