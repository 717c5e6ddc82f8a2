"""Puts a head on a frozen body without TensorFlow: into its ONNX graph and into its Keras archive."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from app.inference.arrays import Floats
from app.training.networks.frozen import Frozen
from app.training.networks.graph import ARCHIVE

CONFIG, WEIGHTS, HEAD = "config.json", "model.weights.h5", "probabilities"


@dataclass(frozen=True)
class Head:
    """A softmax layer: `kernel` (d, classes) and `bias` (classes,), float32."""

    kernel: Floats
    bias: Floats

    def probabilities(self, embeddings: Floats) -> Floats:
        """What it answers (n, classes) to embeddings (n, d)."""
        logits = embeddings @ self.kernel + self.bias
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def graft(frozen: Frozen, head: Head, bundle: Path) -> int:
    """Write `model.onnx` and `model.keras` to `bundle`; return the number of parameters.

    Where the body is in eight bits, the Keras model answers the same but for rounding.
    """
    onnx.save(_with_head(onnx.load(frozen.folder / frozen.graph), head), bundle / "model.onnx")
    return _write_archive(frozen.folder / ARCHIVE, head, bundle / "model.keras")


def _with_head(model: onnx.ModelProto, head: Head) -> onnx.ModelProto:
    """The graph with the outputs probabilities, embedding and activation.

    The class activation maps are the head applied at each place of the feature map, less what all classes have in
    common, as `app.training.export.with_activation` says.
    """
    graph = model.graph
    image, features = graph.input[0], graph.output[1]
    size, depth = (dimension.dim_value for dimension in features.type.tensor_type.shape.dim[2:])
    classes = len(head.bias)
    kernel, bias = (part - part.mean(axis=-1, keepdims=True) for part in (head.kernel, head.bias))
    arrays = {"head_kernel": head.kernel, "head_bias": head.bias, "map_kernel": kernel, "map_bias": bias}
    graph.initializer.extend(numpy_helper.from_array(np.asarray(a, np.float32), name) for name, a in arrays.items())
    graph.node.extend(
        [
            helper.make_node("Gemm", ["embedding", "head_kernel", "head_bias"], ["logits"], name="head"),
            helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1, name="softmax"),
            helper.make_node("MatMul", ["features", "map_kernel"], ["maps"], name="class_activation"),
            helper.make_node("Add", ["maps", "map_bias"], ["activation"], name="class_activation_bias"),
        ]
    )
    n = image.type.tensor_type.shape.dim[0].dim_param
    doors = [
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [n, classes]),
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [n, depth]),
        helper.make_tensor_value_info("activation", TensorProto.FLOAT, [n, size, size, classes]),
    ]
    del graph.output[:]
    graph.output.extend(doors)
    return model


def _write_archive(source: Path, head: Head, target: Path) -> int:
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
    """The settings with so many classes."""
    config = json.loads(data)
    layer = next(each for each in config["config"]["layers"] if each["name"] == HEAD)
    layer["config"]["units"] = classes
    return json.dumps(config).encode()


def _weights(data: bytes, head: Head) -> tuple[bytes, int]:
    """The weights with the head's, and how many numbers they are."""
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
