"""Adds a head to a frozen network without TensorFlow: to its ONNX graph and to its Keras archive."""

from __future__ import annotations

import io
import json
import math
import zipfile
from pathlib import Path

import h5py
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from app.training.networks.frozen import Frozen
from app.training.networks.graph import ARCHIVE, GRAPH
from app.training.networks.heads import Head, Part, SoftmaxHead

CONFIG, WEIGHTS, HEAD = "config.json", "model.weights.h5", "probabilities"
FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)


def graft(frozen: Frozen, head: Head, bundle: Path) -> int:
    """Write `model.onnx` to `bundle`, and `model.keras` for a softmax on a body that Keras made.

    Return the number of parameters. Where the body is in eight bits, the Keras model answers the same but for rounding.
    """
    model = _with_head(onnx.load(frozen.graph), head)
    onnx.save(model, bundle / "model.onnx")
    archive = frozen.folder / ARCHIVE
    if archive.is_file() and isinstance(head, SoftmaxHead):
        return _write_archive(archive, head, bundle / "model.keras")
    whole = onnx.load(frozen.folder / GRAPH).graph.initializer
    numbers = sum(int(math.prod(each.dims)) for each in whole if each.data_type in FLOATS)
    return numbers + head.size


def _with_head(model: onnx.ModelProto, head: Head) -> onnx.ModelProto:
    """The graph with the outputs probabilities, embedding and, where there is a feature map, activation.

    The activation is that of `export.with_activation`: the feature map times `graph.map_weights`.
    """
    graph = model.graph
    (depth, classes), features = head.shape, list(graph.output)[1:]
    n = graph.input[0].type.tensor_type.shape.dim[0].dim_param
    _add(graph, head.part())
    del graph.output[:]
    graph.output.extend([_output("probabilities", n, classes), _output("embedding", n, depth)])
    if features:
        kernel, bias = head.maps()
        nodes = [
            helper.make_node("MatMul", ["features", "map_kernel"], ["maps"], name="class_activation"),
            helper.make_node("Add", ["maps", "map_bias"], ["activation"], name="class_activation_bias"),
        ]
        _add(graph, Part(nodes, {"map_kernel": kernel, "map_bias": bias}))
        rows, columns = (each.dim_value for each in features[0].type.tensor_type.shape.dim[1:3])
        graph.output.append(_output("activation", n, rows, columns, classes))
    return model


def _add(graph: onnx.GraphProto, part: Part) -> None:
    constants = part.arrays.items()
    graph.initializer.extend(numpy_helper.from_array(np.asarray(array, np.float32), name) for name, array in constants)
    graph.node.extend(part.nodes)


def _output(name: str, *shape: str | int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _write_archive(source: Path, head: SoftmaxHead, target: Path) -> int:
    """Copy a Keras archive, its head replaced; return the number of parameters.

    The archive is a zip with the layers' settings as JSON and their weights as HDF5.
    """
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == CONFIG:
                data = _config(data, len(head.bias))
            elif name == WEIGHTS:
                data, parameters = _weights(data, head)
            new.writestr(zipfile.ZipInfo(name), data)  # without the time, so that the same head gives the same file
    return parameters


def _config(data: bytes, classes: int) -> bytes:
    """Return the settings with another number of classes."""
    config = json.loads(data)
    layer = next(each for each in config["config"]["layers"] if each["name"] == HEAD)
    layer["config"]["units"] = classes
    return json.dumps(config).encode()


def _weights(data: bytes, head: SoftmaxHead) -> tuple[bytes, int]:
    """Return the weights with the head's in place, and the number of parameters."""
    file = io.BytesIO(data)
    sizes: list[int] = []
    with h5py.File(file, "r+") as store:
        values = next(
            group["vars"]
            for group in store["layers"].values()
            if "vars" in group and group["vars"].attrs.get("name") == HEAD
        )
        for name, array in (("0", head.kernel), ("1", head.bias)):
            del values[name]
            values.create_dataset(name, data=np.asarray(array, np.float32))
        store.visititems(lambda _, item: sizes.append(item.size) if isinstance(item, h5py.Dataset) else None)
    return file.getvalue(), sum(sizes)
