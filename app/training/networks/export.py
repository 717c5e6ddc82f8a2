"""Writes a trained network as model.keras and as one ONNX graph with three outputs."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import numpy as np
import onnx

from app.training.networks import runtime
from app.training.networks.assembly import EMBEDDING, FEATURES, HEAD, build_network
from app.training.networks.graph import ARCHIVE, BODY_OUTPUTS, GRAPH, INPUT, OUTPUTS, map_weights
from app.training.networks.runtime import keras

EVERY = 0.2  # seconds between two collections


def export(network: keras.Model, folder: Path) -> None:
    """Write `model.keras` (without optimizer) and `model.onnx` (input and outputs named as above) to `folder`."""
    keras.Model(network.input, network.output).save(folder / "model.keras")  # drops the optimizer
    _write_graph(with_activation(network), folder / "model.onnx", OUTPUTS)


def export_body(backbone: str, weights: Sequence[Path], size: int, folder: Path) -> None:
    """Write a network without a trained head to `folder`, as `app.training.frozen.Frozen` says."""
    with runtime.session(0):
        network = build_network(backbone, size, 2, weights)
        network.save(folder / ARCHIVE)
        outputs = [network.get_layer(name).output for name in (EMBEDDING, FEATURES)]
        _write_graph(keras.Model(network.input, outputs), folder / GRAPH, BODY_OUTPUTS)


def _write_graph(network: keras.Model, path: Path, outputs: Sequence[str]) -> None:
    """Write an ONNX graph with the input INPUT and outputs of these names."""
    network(np.zeros((1, *network.input_shape[1:]), np.uint8))  # Keras exports only a model that was called
    with _collecting():
        network.export(str(path), format="onnx", verbose=False)
    onnx.save(_renamed(onnx.load(path), outputs), path)


@contextmanager
def _collecting() -> Iterator[None]:
    """Collect garbage often: after each of its many passes the converter leaves a copy of all weights in cycles.

    Python counts objects, not bytes, so a few of them could keep gigabytes. Objects that exist already are frozen, so
    that a collection takes milliseconds.
    """
    ended = Event()

    def collect() -> None:
        while not ended.wait(EVERY):
            gc.collect()

    gc.collect()
    gc.freeze()
    collector = Thread(target=collect)
    collector.start()
    try:
        yield
    finally:
        ended.set()
        collector.join()
        gc.unfreeze()
        gc.collect()


def with_activation(network: keras.Model) -> keras.Model:
    """The network with the outputs OUTPUTS, float32: (n, classes), (n, d) and the maps (n, h, w, classes).

    The maps are class activation maps: a 1 x 1 convolution of the feature map with `graph.map_weights`.
    """
    kernel, bias = map_weights(*network.get_layer(HEAD).get_weights())
    convolution = keras.layers.Conv2D(kernel.shape[1], 1, name="class_activation")
    activation = convolution(network.get_layer(FEATURES).output)
    convolution.set_weights([kernel[None, None], bias])
    outputs = [network.output, network.get_layer(EMBEDDING).output, activation]
    return keras.Model(network.input, outputs)


def _renamed(graph: onnx.ModelProto, outputs: Sequence[str]) -> onnx.ModelProto:
    """Rename the graph's input to INPUT and its outputs to `outputs`, whatever Keras called them."""
    names = [INPUT, *outputs]
    ends = [*graph.graph.input, *graph.graph.output]
    renaming = {end.name: name for end, name in zip(ends, names, strict=True)}
    for node in graph.graph.node:
        node.input[:] = [renaming.get(name, name) for name in node.input]
        node.output[:] = [renaming.get(name, name) for name in node.output]
    for end, name in zip(ends, names, strict=True):
        end.name = name
    return graph
