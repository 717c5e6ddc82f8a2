"""Checks a user's ONNX network and makes it the body of a classifier. Needs the onnx package: for training alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import onnxruntime
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # no types
from onnx import TensorProto, compose, helper, numpy_helper
from onnx.external_data_helper import load_external_data_for_model, uses_external_data

from app.errors import InvalidInput, TooLarge
from app.inference.arrays import Floats
from app.training.networks.graph import BODY_OUTPUTS, INPUT
from app.training.networks.own import OwnBody

MAX_BYTES = 2_000_000_000  # a bundle keeps the network in one ONNX file, which cannot have more than 2^31
OPSET = 13  # older graphs mean something else by some operators
PREFIX = "body/"
TOKENS, PLANES = 3, 4  # axes of a feature map of tokens (n, tokens, d), and of one with rows and columns
EMBEDDING, FEATURES = BODY_OUTPUTS
TINY = 1e-5


class _Shapes(NamedTuple):
    """The shapes of the network's outputs for two images; None where the description names no such output."""

    embedding: tuple[int, ...] | None
    feature_map: tuple[int, ...] | None


def files_of(source: Path) -> list[Path]:
    """The ONNX file and those that hold its weights; InvalidInput when it is none, or one is missing or elsewhere."""
    folder, found = source.parent.resolve(), [source]
    for tensor in _tensors(_parsed(source).graph):
        if uses_external_data(tensor):
            location = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
            path = (folder / location).resolve()
            if not path.is_relative_to(folder):
                raise InvalidInput(f"{source} keeps weights in {location!r}, outside its own folder; export it again.")
            if not path.is_file():
                raise InvalidInput(f"{source} keeps weights in {path}, which is not there; copy that file, too.")
            found += [path] if path not in found else []
    size = sum(path.stat().st_size for path in found)
    if size > MAX_BYTES:
        raise TooLarge(f"{source} has {size / 1e9:.1f} GB of weights; {MAX_BYTES / 1e9:.0f} GB are allowed.")
    return found


def write_body(source: Path, body: OwnBody, target: Path) -> None:
    """Write the network as a body: squares uint8 (n, size, size, 3) to an embedding and, if any, a feature map.

    InvalidInput where the network is not what its description says, or not fit to be a body.
    """
    files_of(source)
    model = _parsed(source)
    image = _check_input(model, body, source)
    shapes = _outputs(source, body, image)
    load_external_data_for_model(model, str(source.parent))
    compose.add_prefix(model, PREFIX, inplace=True)
    graph = model.graph
    for number, node in enumerate(graph.node):
        node.name = f"{PREFIX}{number}"  # each its own, as the quantizer needs it
    before, after = _before(body, PREFIX + image), _after(body, shapes, source)
    inner = list(graph.node)
    del graph.node[:], graph.input[:], graph.output[:]
    for part in (before, after):
        graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in part.arrays.items())
    graph.node.extend([*before.nodes, *inner, *after.nodes])
    graph.input.append(helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["n", body.size, body.size, 3]))
    graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *shape]) for name, shape in after.shapes.items()
    )
    onnx.save(model, target)


class _Part(NamedTuple):
    """Nodes that are added to the graph, their constants, and the shapes of one image's results."""

    nodes: list[onnx.NodeProto]
    arrays: dict[str, Floats]
    shapes: dict[str, tuple[int, ...]]


def _before(body: OwnBody, image: str) -> _Part:
    """From uint8 pixels to what the network takes."""
    scale, offset = (np.array(each, np.float32) for each in body.standardised)
    order = [0, 3, 1, 2] if body.layout == "NCHW" else [0, 1, 2, 3]
    nodes = [
        helper.make_node("Cast", [INPUT], ["pixels"], to=TensorProto.FLOAT, name="pixels"),
        helper.make_node("Mul", ["pixels", "pixel_scale"], ["scaled"], name="scaled"),
        helper.make_node("Add", ["scaled", "pixel_offset"], ["standardised"], name="standardised"),
        helper.make_node("Transpose", ["standardised"], [image], perm=order, name="layout"),
    ]
    return _Part(nodes, {"pixel_scale": scale, "pixel_offset": offset}, {})


def _after(body: OwnBody, shapes: _Shapes, source: Path) -> _Part:
    """From the network's outputs to the embedding (n, d) and the feature map (n, rows, columns, d)."""
    part = _Part([], {}, {})
    grid = None if shapes.feature_map is None else _grid(body, shapes.feature_map, source)
    if shapes.embedding is not None:
        depth = math.prod(shapes.embedding[1:])
        part.nodes.append(helper.make_node("Flatten", [f"{PREFIX}{body.embedding}"], [EMBEDDING], name="flat"))
    elif grid is not None:
        depth = grid[2]
        part.nodes.append(helper.make_node("Transpose", [FEATURES], ["planes"], perm=[0, 3, 1, 2], name="planes"))
        part.nodes.append(helper.make_node("GlobalAveragePool", ["planes"], ["mean"], name="mean"))
        part.nodes.append(helper.make_node("Flatten", ["mean"], [EMBEDDING], name="flat"))
    part.shapes[EMBEDDING] = (depth,)
    if grid is None:
        return part
    if grid[2] != depth:
        raise InvalidInput(
            f"{source}: the feature map has {grid[2]} channels and the embedding {depth} numbers; a head needs the same"
            " number of both, so leave one of them out."
        )
    part.shapes[FEATURES] = grid
    part.nodes[:0] = _placed(body, len(shapes.feature_map or ()))
    if len(shapes.feature_map or ()) == TOKENS:
        numbers = {"first": [body.tokens_before], "last": [np.iinfo(np.int64).max], "axis": [1], "grid": [0, *grid]}
        part.arrays.update({name: np.array(values, np.int64) for name, values in numbers.items()})
    return part


def _placed(body: OwnBody, axes: int) -> list[onnx.NodeProto]:
    """The feature map in rows and columns, its channels last."""
    name = f"{PREFIX}{body.feature_map}"
    if axes == TOKENS:
        return [
            helper.make_node("Slice", [name, "first", "last", "axis"], ["of_image"], name="of_image"),
            helper.make_node("Reshape", ["of_image", "grid"], [FEATURES], name="grid"),
        ]
    order = [0, 2, 3, 1] if body.layout == "NCHW" else [0, 1, 2, 3]
    return [helper.make_node("Transpose", [name], [FEATURES], perm=order, name="channels_last")]


def _grid(body: OwnBody, shape: tuple[int, ...], source: Path) -> tuple[int, int, int]:
    """Rows, columns and channels of the feature map."""
    if len(shape) == PLANES:
        return (shape[2], shape[3], shape[1]) if body.layout == "NCHW" else (shape[1], shape[2], shape[3])
    tokens = shape[1] - body.tokens_before if len(shape) == TOKENS else 0
    side = math.isqrt(max(tokens, 0))
    if side == 0 or side**2 != tokens:
        raise InvalidInput(
            f"{source}: the feature map {body.feature_map!r} has the shape {shape[1:]} for an image, which is neither"
            " rows, columns and channels nor a square of tokens; set tokens_before, or name another output."
        )
    return side, side, shape[2]


def _check_input(model: onnx.ModelProto, body: OwnBody, source: Path) -> str:
    """The name of the input; InvalidInput unless it is the one and takes squares of the described size."""
    opset = next((each.version for each in model.opset_import if each.domain in ("", "ai.onnx")), OPSET)
    if opset < OPSET:
        raise InvalidInput(f"{source} is of opset {opset}; export it again with opset {OPSET} or later.")
    constants = {each.name for each in model.graph.initializer}
    inputs = [each for each in model.graph.input if each.name not in constants]
    if len(inputs) != 1:
        raise InvalidInput(f"{source} takes {len(inputs)} inputs ({_names(inputs)}); a body takes the image alone.")
    kind, names = inputs[0].type.tensor_type, _names(model.graph.output)
    if kind.elem_type != TensorProto.FLOAT:
        raise InvalidInput(f"{source} takes {TensorProto.DataType.Name(kind.elem_type)}; export it for FLOAT.")
    square = (body.size, body.size)
    wanted = (0, 3, *square) if body.layout == "NCHW" else (0, *square, 3)
    found = tuple(each.dim_value for each in kind.shape.dim)  # 0: any
    if found and found[0]:
        raise InvalidInput(f"{source} takes {found[0]} images at a time; export it with a dynamic batch.")
    if len(found) != len(wanted) or any(a and a != b for a, b in zip(found, wanted, strict=True)):
        raise InvalidInput(
            f"{source} takes images of the shape {found[1:]}, but size {body.size} and layout {body.layout} of its"
            f" description mean {wanted[1:]}; correct the description."
        )
    for output in filter(None, (body.embedding, body.feature_map)):
        if output not in (each.name for each in model.graph.output):
            raise InvalidInput(f"{source} has no output {output!r}, only {names}; correct the description.")
    return str(inputs[0].name)


def _outputs(source: Path, body: OwnBody, image: str) -> _Shapes:
    """Run the network on two images; InvalidInput where it fails, or its outputs are not of each image."""
    names = [name for name in (body.embedding, body.feature_map) if name is not None]
    try:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        found = dict(zip(names, session.run(names, {image: _noise(body)}), strict=True))
    except Exception as error:  # ONNX Runtime's errors share no base class
        reason = str(error).splitlines()[0].rstrip(".")
        raise InvalidInput(f"ONNX Runtime cannot run {source} on two images: {reason}.") from error
    for name, array in found.items():
        if array.dtype != np.float32 or len(array) != 2 or not np.isfinite(array).all():  # noqa: PLR2004  # images
            raise InvalidInput(f"{source}: the output {name!r} is not a finite float32 result of each image.")
        if np.abs(array[0] - array[1]).max() < TINY:
            raise InvalidInput(f"{source}: the output {name!r} is the same for different images.")
    shapes = {name: array.shape for name, array in found.items()}
    embedding = shapes.get(body.embedding or "")
    if embedding is not None and len([each for each in embedding[1:] if each > 1]) > 1:
        raise InvalidInput(
            f"{source}: the output {body.embedding!r} has the shape {embedding[1:]}, which is no vector."
        )
    return _Shapes(embedding, shapes.get(body.feature_map or ""))


def _noise(body: OwnBody) -> Floats:
    """Two images of random pixels, as the network takes them."""
    pixels = np.random.default_rng(0).integers(0, 256, (2, body.size, body.size, 3))
    scale, offset = body.standardised
    images = np.asarray(pixels * scale + offset, np.float32)
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)) if body.layout == "NCHW" else images


def _parsed(source: Path) -> onnx.ModelProto:
    """The graph without weights that lie in other files; InvalidInput when it is no ONNX file."""
    if source.stat().st_size > MAX_BYTES:
        raise TooLarge(f"{source} has {source.stat().st_size / 1e9:.1f} GB; {MAX_BYTES / 1e9:.0f} GB are allowed.")
    try:
        model = onnx.load(source, load_external_data=False)
    except DecodeError as error:
        raise InvalidInput(f"{source} is not an ONNX file; export it again.") from error
    if not model.graph.node:
        raise InvalidInput(f"{source} is not an ONNX file with a network; export it again.")
    return model


def _tensors(graph: onnx.GraphProto) -> Iterator[TensorProto]:
    """All constants of a graph and of the graphs in it."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for inner in (attribute.g, *attribute.graphs):
                yield from _tensors(inner)


def _names(values: object) -> str:
    return ", ".join(each.name for each in values)  # type: ignore[attr-defined]  # protobuf's containers
