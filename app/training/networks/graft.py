"""Adds a head to a frozen network without TensorFlow: to its ONNX files and to its Keras archive."""

from __future__ import annotations

import io
import json
import math
import zipfile
from pathlib import Path

import h5py
import numpy as np
import onnx
from onnx import TensorProto

from app.training.networks.frozen import Frozen
from app.training.networks.graph import ARCHIVE, GRAPH
from app.training.networks.heads import Head, SoftmaxHead
from app.training.networks.parts import write_parts

CONFIG, WEIGHTS, HEAD = "config.json", "model.weights.h5", "probabilities"
FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)


def graft(frozen: Frozen, head: Head, bundle: Path) -> int:
    """Write the files of `parts` to `bundle`, and `model.keras` for a softmax on a body that Keras made.

    Return the number of parameters. Where the body is in eight bits, the Keras model answers the same but for rounding.
    """
    write_parts(onnx.load(frozen.graph), head, bundle)
    archive = frozen.folder / ARCHIVE
    if archive.is_file() and isinstance(head, SoftmaxHead):
        return _write_archive(archive, head, bundle / "model.keras")
    whole = onnx.load(frozen.folder / GRAPH).graph.initializer
    numbers = sum(int(math.prod(each.dims)) for each in whole if each.data_type in FLOATS)
    return numbers + head.size


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
