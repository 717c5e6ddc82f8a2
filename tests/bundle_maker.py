"""Makes a small, whole bundle without any training: an ONNX graph that tells red images from green ones."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from app.classifiers import Card, ClassifierSpec
from app.classifiers.card import CARD_NAME, DataFingerprint, Reference, Thresholds
from app.classifiers.spec import ClassSpec, Preprocessing
from app.inference.body import BODY, WEIGHTS
from app.inference.engine import OnnxEngine, SharedEngine
from app.inference.image.quality import measure, reference
from app.inference.novelty import EMBEDDING, NOVELTY_NAME, Mahalanobis, Novelty
from app.inference.similar import SIMILAR_NAME, Similar
from app.training.networks.heads import SoftmaxHead
from app.training.networks.parts import write_parts

SIZE = 64
POOL = 8
CHANNELS = 32  # of the body that is shared
SPEC = ClassifierSpec(
    name="traffic_light",
    title="Traffic light",
    description="Tells red from green.",
    classes=(ClassSpec(name="red", title="Red"), ClassSpec(name="green", title="Green")),
    positive="red",
    preprocessing=Preprocessing(crop="stretch", size=SIZE),
)


def make_bundle(folder: Path, **changes: object) -> Path:
    """Write card.json, model.onnx, novelty.npz and similar.npz; `changes` replace fields of the card."""
    (folder / OnnxEngine.file_name).write_bytes(make_network(SIZE, POOL).SerializeToString())
    squares = np.stack([photograph(seed) for seed in range(60)])
    embeddings = OnnxEngine(folder / OnnxEngine.file_name).run(squares).embedding
    novelty = Novelty({EMBEDDING: Mahalanobis.fit(embeddings, np.arange(60) % 2)}, {EMBEDDING: 1.0})
    novelty.save(folder / NOVELTY_NAME)
    labels, hashes = [SPEC.class_names[seed % 2] for seed in range(60)], [f"{seed:064x}" for seed in range(60)]
    Similar.fit(embeddings, labels, hashes, [f"{seed}.png" for seed in range(60)]).save(folder / SIMILAR_NAME)
    measured = [measure(square) for square in squares]
    measures = {name: np.array([each[name] for each in measured]) for name in measured[0]}
    fields: dict[str, object] = {
        "classifier": SPEC.name,
        "created_at": datetime(2025, 1, 1, tzinfo=UTC),
        "demo": True,
        "spec": SPEC,
        "classes": SPEC.class_names,
        "preprocessing": SPEC.preprocessing,
        "backbone": "hand_made",
        "mode": "full",
        "epochs": 0,
        "seed": 0,
        "parameters": 4,
        "temperature": 1.0,
        "thresholds": Thresholds(
            prediction_set=0.4, operating_point=0.5, novelty=1.5 * float(novelty.score({EMBEDDING: embeddings}).max())
        ),
        "metrics": {},
        "history": [],
        "data": DataFingerprint(sha256="0" * 64, counts={"train": {"red": 30, "green": 30}}, source="drawn"),
        "reference": Reference(quality=dict(reference(measures, expect_retina=False)), histograms={}),
        "code_revision": "test",
        "libraries": {},
        "files": {
            name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
            for name in (OnnxEngine.file_name, NOVELTY_NAME, SIMILAR_NAME)
        },
    }
    (folder / CARD_NAME).write_text(Card.model_validate(fields | changes).model_dump_json(), encoding="utf-8")
    return folder


def make_shared_bundle(folder: Path, seed: int = 0, **changes: object) -> Path:
    """Write a bundle whose head, drawn with `seed`, is on a body that is always the same."""
    make_bundle(folder)
    body = make_body(SIZE, POOL)
    write_parts(body, SoftmaxHead(*random_head(seed)), folder)
    squares = np.stack([photograph(number) for number in range(60)])
    embeddings = SharedEngine(folder / SharedEngine.file_name).run(squares).embedding
    Novelty({EMBEDDING: Mahalanobis.fit(embeddings, np.arange(60) % 2)}, {EMBEDDING: 1.0}).save(folder / NOVELTY_NAME)
    labels, hashes = [SPEC.class_names[number % 2] for number in range(60)], [f"{number:064x}" for number in range(60)]
    Similar.fit(embeddings, labels, hashes, hashes).save(folder / SIMILAR_NAME)
    card = Card.model_validate_json((folder / CARD_NAME).read_bytes())
    names = (*card.files, SharedEngine.file_name, BODY, WEIGHTS)
    files = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    card = card.model_copy(update={"engine": "onnx-shared", "files": files} | changes)
    (folder / CARD_NAME).write_text(card.model_dump_json(), encoding="utf-8")
    return folder


def random_head(seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The kernel (CHANNELS, 2) and the bias (2,) of a head."""
    drawn = np.random.default_rng(seed).normal(size=(CHANNELS + 1, 2)).astype(np.float32)
    return drawn[:-1], drawn[-1]


def make_body(size: int, pool: int) -> onnx.ModelProto:
    """One convolution of the colours, large enough to be stored outside the graph, and its means over a grid."""
    colours = np.random.default_rng(7).normal(size=(CHANNELS, 3, 3, 3)).astype(np.float32)
    constants = [
        numpy_helper.from_array(np.array(255, np.float32), "white"),
        numpy_helper.from_array(colours, "colours"),
        numpy_helper.from_array(np.array([0, -1], np.int64), "flat"),
    ]
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["float", "white"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "colours"], ["filtered"], pads=[1, 1, 1, 1]),
        helper.make_node("AveragePool", ["filtered"], ["grid"], kernel_shape=[pool] * 2, strides=[pool] * 2),
        helper.make_node("Transpose", ["grid"], ["features"], perm=[0, 2, 3, 1]),
        helper.make_node("GlobalAveragePool", ["grid"], ["means"]),
        helper.make_node("Reshape", ["means", "flat"], ["embedding"]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", size, size, 3])
    outputs = [
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", CHANNELS]),
        helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", size // pool, size // pool, CHANNELS]),
    ]
    graph = helper.make_graph(nodes, "body", [image], outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def photograph(seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A noisy red (even seed) or green (odd seed) disc on grey, (SIZE, SIZE, 3)."""
    rng = np.random.default_rng(seed)
    image = rng.normal(90, 12, (SIZE, SIZE, 3))
    y, x = np.mgrid[:SIZE, :SIZE]
    centre = rng.uniform(0.4, 0.6, 2) * SIZE
    disc = np.hypot(y - centre[0], x - centre[1]) < 0.3 * SIZE
    image[disc, seed % 2] += 90
    return image.clip(0, 255).astype(np.uint8)


def make_network(size: int, pool: int) -> onnx.ModelProto:
    """Mean-pool to a grid, weigh the colours into a map for each class, and average the maps: CAM in miniature."""
    colours = np.array([[1, -1, 0], [-1, 1, 0]], np.float32)[:, :, None, None] * 8
    constants = [
        numpy_helper.from_array(np.array(255, np.float32), "white"),
        numpy_helper.from_array(colours, "colours"),
        numpy_helper.from_array(np.array([0, -1], np.int64), "flat"),
    ]
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["float", "white"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["planes"], ["grid"], kernel_shape=[pool] * 2, strides=[pool] * 2),
        helper.make_node("Conv", ["grid", "colours"], ["maps"]),
        helper.make_node("GlobalAveragePool", ["grid"], ["means"]),
        helper.make_node("Reshape", ["means", "flat"], ["embedding"]),
        helper.make_node("GlobalAveragePool", ["maps"], ["scores"]),
        helper.make_node("Reshape", ["scores", "flat"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1),
        helper.make_node("Transpose", ["maps"], ["activation"], perm=[0, 2, 3, 1]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", size, size, 3])
    outputs = [
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 2]),
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 3]),
        helper.make_tensor_value_info("activation", TensorProto.FLOAT, ["n", size // pool, size // pool, 2]),
    ]
    graph = helper.make_graph(nodes, "traffic_light", [image], outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
