"""The ONNX files of a head on a frozen body: the body with its weights beside it, the head, and both as one network."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import numpy as np
import onnx
from onnx import TensorProto, external_data_helper, helper, numpy_helper

from app.inference.body import BODY, WEIGHTS
from app.inference.engine import OnnxEngine, SharedEngine
from app.training.networks.heads import Head

SMALLEST: Final = 1024  # bytes of a tensor that is worth a place outside the graph
ALIGNED: Final = 4096  # bytes: a page, so that a file can be mapped into memory from any tensor on


def write_parts(body: onnx.ModelProto, head: Head, bundle: Path) -> None:
    """Write BODY, WEIGHTS, `head.onnx` and `model.onnx` to `bundle`.

    `model.onnx` is the whole network, whose body's weights are in WEIGHTS, too. Bundles with the same body have the
    same BODY and WEIGHTS, byte for byte.
    """
    _move_weights(body, bundle / WEIGHTS)
    _write(body, bundle / BODY)
    above = _head(body, head)
    _write(above, bundle / SharedEngine.file_name)
    body.graph.node.extend(above.graph.node)
    body.graph.initializer.extend(above.graph.initializer)
    embedding = body.graph.output[0]
    probabilities, *activation = above.graph.output
    del body.graph.output[:]
    body.graph.output.extend([probabilities, embedding, *activation])
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


def _head(body: onnx.ModelProto, head: Head) -> onnx.ModelProto:
    """The network from the body's outputs to the outputs probabilities and, with a feature map, activation.

    The activation is that of `export.with_activation`: the feature map times the kernel of the head's maps.
    """
    (depth, classes), features = head.shape, list(body.graph.output)[1:]
    (nodes, arrays), inputs = head.part(), [_value("embedding", ["n", depth])]
    outputs = [_value("probabilities", ["n", classes])]
    if features:
        rows, columns = (each.dim_value for each in features[0].type.tensor_type.shape.dim[1:3])
        kernel, bias = head.maps()
        arrays = {**arrays, "map_kernel": kernel, "map_bias": bias}
        nodes += [
            helper.make_node("MatMul", ["features", "map_kernel"], ["maps"], name="class_activation"),
            helper.make_node("Add", ["maps", "map_bias"], ["activation"], name="class_activation_bias"),
        ]
        inputs.append(_value("features", ["n", rows, columns, depth]))
        outputs.append(_value("activation", ["n", rows, columns, classes]))
    constants = [numpy_helper.from_array(np.asarray(array, np.float32), name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, "head", inputs, outputs, constants)
    opsets = [each for each in body.opset_import if each.domain in ("", "ai.onnx")]
    return helper.make_model(graph, opset_imports=opsets, ir_version=body.ir_version)


def _value(name: str, shape: list[str | int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _write(model: onnx.ModelProto, path: Path) -> None:
    path.write_bytes(model.SerializeToString(deterministic=True))
