"""Makes small ONNX encoders by hand: filters for colours and edges, as a user's own network would come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper

SIZE, CHANNELS = 96, 24


def write_encoder(folder: Path, name: str = "own_encoder", **description: Any) -> Path:  # noqa: ANN401 - YAML
    """Write name.onnx and name.yaml to `folder`; a description of None leaves a field out. Return the ONNX file.

    The outputs are `vector` (n, d), `map` (n, d, h, w) and `tokens` (n, 1 + h w, d), which begins with a class token.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.onnx"
    onnx.save(encoder(), path)
    fields = {
        "title": "Own encoder", "source": "made by hand", "licence": "MIT", "size": SIZE,
        "mean": [0.4, 0.3, 0.2], "std": [0.2, 0.2, 0.2], "embedding": "vector", "feature_map": "map",
    } | description  # fmt: skip
    known = {key: value for key, value in fields.items() if value is not None}
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(known), encoding="utf-8")
    return path


def encoder() -> onnx.ModelProto:
    """Four strided convolutions with random filters, and what is made of their map."""
    rng, shapes = np.random.default_rng(3), [(12, 3), (16, 12), (20, 16), (CHANNELS, 20)]
    arrays = {
        f"w{i}": rng.normal(0, (2 / (9 * shape[1])) ** 0.5, (*shape, 3, 3)).astype(np.float32)
        for i, shape in enumerate(shapes)
    } | {"flat": np.array([0, CHANNELS, -1], np.int64)}
    nodes, last = [], "image"
    for i in range(len(shapes)):
        nodes.append(helper.make_node("Conv", [last, f"w{i}"], [f"c{i}"], strides=[2, 2], pads=[1, 1, 1, 1]))
        last = "map" if i == len(shapes) - 1 else f"r{i}"
        nodes.append(helper.make_node("Relu", [f"c{i}"], [last]))
    nodes += [
        helper.make_node("GlobalAveragePool", ["map"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["vector"]),
        helper.make_node("Reshape", ["map", "flat"], ["rows"]),
        helper.make_node("Reshape", ["mean", "flat"], ["class"]),
        helper.make_node("Concat", ["class", "rows"], ["columns"], axis=2),
        helper.make_node("Transpose", ["columns"], ["tokens"], perm=[0, 2, 1]),
    ]
    side = SIZE // 16
    outputs = {"vector": [CHANNELS], "map": [CHANNELS, side, side], "tokens": [1 + side**2, CHANNELS]}
    graph = helper.make_graph(
        nodes,
        "encoder",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, SIZE, SIZE])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *shape]) for name, shape in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
