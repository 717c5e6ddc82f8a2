"""The ONNX files of a head on a frozen body: the body with its weights beside it, the head, and both as one network."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import numpy as np
import onnx
from onnx import TensorProto, external_data_helper, helper, numpy_helper

from app.inference.arrays import Floats
from app.inference.body import BODY, WEIGHTS
from app.inference.engine import OnnxEngine, SharedEngine
from app.training.networks.graph import BODY_OUTPUTS, map_weights

SMALLEST: Final = 1024  # bytes of a tensor that is worth a place outside the graph
ALIGNED: Final = 4096  # bytes: a page, so that a file can be mapped into memory from any tensor on


def write_parts(body: onnx.ModelProto, kernel: Floats, bias: Floats, bundle: Path) -> None:
    """Write BODY, WEIGHTS, `head.onnx` and `model.onnx` to `bundle`.

    `kernel` (d, classes) and `bias` (classes,) are the head's. `model.onnx` is the whole network, whose body's weights
    are in WEIGHTS, too. Bundles with the same body have the same BODY and WEIGHTS, byte for byte.
    """
    _move_weights(body, bundle / WEIGHTS)
    _write(body, bundle / BODY)
    head = _head(body, kernel, bias)
    _write(head, bundle / SharedEngine.file_name)
    body.graph.node.extend(head.graph.node)
    body.graph.initializer.extend(head.graph.initializer)
    embedding = body.graph.output[0]
    probabilities, activation = head.graph.output
    del body.graph.output[:]
    body.graph.output.extend([probabilities, embedding, activation])
    _write(body, bundle / OnnxEngine.file_name)


def _move_weights(model: onnx.ModelProto, target: Path) -> None:
    """Move the large tensors of a model to a file in the same folder; the model names the file's hash."""
    with target.open("wb") as file:
        for tensor in model.graph.initializer:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor), tensor.name))  # as raw data
            data = tensor.raw_data
            if len(data) < SMALLEST:
                continue
            file.write(bytes(-file.tell() % ALIGNED))
            external_data_helper.set_external_data(tensor, target.name, file.tell(), len(data))
            file.write(data)
            tensor.ClearField("raw_data")
    with target.open("rb") as file:
        helper.set_model_props(model, {"weights_sha256": hashlib.file_digest(file, "sha256").hexdigest()})


def _head(body: onnx.ModelProto, kernel: Floats, bias: Floats) -> onnx.ModelProto:
    """The network from the body's outputs to the outputs probabilities and activation.

    The activation is that of `export.with_activation`: the feature map times `graph.map_weights`.
    """
    size, depth = (dimension.dim_value for dimension in body.graph.output[1].type.tensor_type.shape.dim[2:])
    classes = len(bias)
    map_kernel, map_bias = map_weights(kernel, bias)
    arrays = {"head_kernel": kernel, "head_bias": bias, "map_kernel": map_kernel, "map_bias": map_bias}
    nodes = [
        helper.make_node("Gemm", ["embedding", "head_kernel", "head_bias"], ["logits"], name="head"),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1, name="softmax"),
        helper.make_node("MatMul", ["features", "map_kernel"], ["maps"], name="class_activation"),
        helper.make_node("Add", ["maps", "map_bias"], ["activation"], name="class_activation_bias"),
    ]
    shapes = ["n", depth], ["n", size, size, depth]
    inputs = [_value(name, shape) for name, shape in zip(BODY_OUTPUTS, shapes, strict=True)]
    outputs = [_value("probabilities", ["n", classes]), _value("activation", ["n", size, size, classes])]
    constants = [numpy_helper.from_array(np.asarray(array, np.float32), name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, "head", inputs, outputs, constants)
    return helper.make_model(graph, opset_imports=body.opset_import[:1], ir_version=body.ir_version)


def _value(name: str, shape: list[str | int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _write(model: onnx.ModelProto, path: Path) -> None:
    path.write_bytes(model.SerializeToString(deterministic=True))
