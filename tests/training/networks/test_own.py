"""A network of the user's own: from two files in WEIGHTS_DIR to answers with a heat map, and what is refused."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import yaml
from encoders import SIZE, encoder, write_encoder
from flask.testing import FlaskClient
from numpy.typing import NDArray

from app import create_app
from app.config import Settings
from app.errors import ConfigError, InvalidInput, TooLarge
from app.services.setup import initialise
from app.training.networks import own_graph
from app.training.networks.backbones import find_weights, get_backbone
from app.training.networks.eight_bits import write_if_safe
from app.training.networks.own import read_body
from app.training.networks.own_graph import write_body

SPOTS = {
    "name": "spots",
    "title": "Spots",
    "description": "Tells red spots from green ones.",
    "classes": [{"name": "red", "title": "Red"}, {"name": "green", "title": "Green"}],
    "preprocessing": {"crop": "stretch"},
    "training": {"varied": 0},
}


def spot(label: str, seed: int) -> tuple[bytes, NDArray[np.bool_]]:
    """A red or green spot somewhere on grey noise, as a JPEG, and where it is."""
    rng = np.random.default_rng([seed, len(label)])
    pixels = rng.normal(90, 15, (144, 144, 3))
    y, x = np.mgrid[:144, :144]
    seen = np.hypot(y - rng.uniform(30, 114), x - rng.uniform(30, 114)) < rng.uniform(18, 26)
    pixels[seen, ("red", "green").index(label)] += 100
    _, data = cv2.imencode(".jpg", pixels.clip(0, 255).astype(np.uint8)[:, :, ::-1])
    return data.tobytes(), seen


@pytest.fixture
def own(tmp_path: Path) -> FlaskClient:
    """A client whose WEIGHTS_DIR holds a network of the user's, and a classifier with images and no version yet."""
    write_encoder(tmp_path / "weights")
    (tmp_path / "classifiers").mkdir()
    (tmp_path / "classifiers" / "spots.yaml").write_text(yaml.safe_dump(SPOTS))
    settings = Settings(
        data_dir=tmp_path / "data", weights_dir=tmp_path / "weights", classifiers_dir=tmp_path / "classifiers"
    )
    made = create_app(settings)
    with made.app_context():
        initialise(made.extensions["fovea"])
    for label in ("red", "green"):
        (tmp_path / "spots" / label).mkdir(parents=True)
        for seed in range(60):
            (tmp_path / "spots" / label / f"{seed}.jpg").write_bytes(spot(label, seed)[0])
    sent = made.test_cli_runner().invoke(args=["data", "import", "spots", str(tmp_path / "spots")])
    assert sent.exit_code == 0, sent.output
    return made.test_client()


def explained(client: FlaskClient, photograph: bytes) -> dict[str, Any]:
    answer: dict[str, Any] = client.post("/api/predict?classifier=spots&explain=true", data=photograph).get_json()
    return answer


def train(client: FlaskClient, backbone: str) -> str:
    return client.application.test_cli_runner().invoke(args=["train", "spots", "--backbone", backbone]).output


def test_a_head_on_it_is_trained_promoted_served_and_explained(own: FlaskClient) -> None:
    assert "Version 1 serves now." in train(own, "own_encoder")
    assert '<option value="own_encoder" data-own>Own encoder</option>' in own.get("/train").text
    card = own.get("/api/models/spots/1").get_json()
    assert (card["backbone"], card["mode"], card["preprocessing"]["size"]) == ("own_encoder", "head", SIZE)
    assert card["origin"] == {"title": "Own encoder", "source": "made by hand", "licence": "MIT"}
    assert "model.keras" not in card["files"]
    assert card["metrics"]["accuracy"] > 0.9
    assert "made by hand" in own.get("/api/models/spots/1/card.md").text
    hits = []
    for seed in range(1000, 1010):
        photograph, seen = spot("red", seed)
        answer = explained(own, photograph)
        assert answer["predicted_class"] == "red"
        png = np.frombuffer(base64.b64decode(answer["explanation"].split(",")[1]), np.uint8)
        evidence = np.asarray(cv2.imdecode(png, cv2.IMREAD_UNCHANGED))[:, :, 3]
        hits.append(seen[evidence == evidence.max()].any())
    assert (
        np.mean(hits) > 0.4
    )  # the hottest point lies in the spot, a fifteenth of the picture, though the filters are random


def test_without_a_feature_map_there_is_no_heat_map(own: FlaskClient, tmp_path: Path) -> None:
    write_encoder(tmp_path / "weights", "plain_encoder", feature_map=None)
    assert "Version 1 serves now." in train(own, "plain_encoder")
    answer = explained(own, spot("green", 1000)[0])
    assert answer["predicted_class"] == "green"
    assert answer.get("explanation") is None


@pytest.mark.parametrize(
    "description",
    [{}, {"embedding": None}, {"embedding": None, "feature_map": "tokens", "tokens_before": 1}, {"scaling": "none"}],
)
def test_the_body_computes_what_the_file_does(description: dict[str, Any], tmp_path: Path) -> None:
    source = write_encoder(tmp_path, **description)
    body = read_body(source.with_suffix(".yaml"))
    write_body(source, body, tmp_path / "body.onnx")
    squares = np.random.default_rng(1).integers(0, 256, (3, SIZE, SIZE, 3), dtype=np.uint8)
    pixels = squares / (1 if body.scaling == "none" else 255)
    pixels = ((pixels - [0.4, 0.3, 0.2]) / 0.2).transpose(0, 3, 1, 2).astype(np.float32)
    vector, planes = onnxruntime.InferenceSession(source).run(["vector", "map"], {"image": pixels})
    session = onnxruntime.InferenceSession(tmp_path / "body.onnx")
    embedding, features = session.run(["embedding", "features"], {"image": squares})
    assert np.allclose(embedding, vector, rtol=1e-4, atol=1e-5)
    assert np.allclose(features, planes.transpose(0, 2, 3, 1), rtol=1e-4, atol=1e-5)


def test_eight_bits_are_used_only_where_they_answer_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_encoder(tmp_path)
    write_body(source, read_body(source.with_suffix(".yaml")), tmp_path / "body.onnx")
    assert write_if_safe(tmp_path / "body.onnx", tmp_path / "small.onnx", SIZE)
    assert (tmp_path / "small.onnx").is_file()
    monkeypatch.setattr("app.training.networks.eight_bits.LOSS", 0.0)
    assert not write_if_safe(tmp_path / "body.onnx", tmp_path / "other.onnx", SIZE)
    assert not (tmp_path / "other.onnx").exists()


@pytest.mark.parametrize(
    ("description", "sentence"),
    [
        ({"colour": "red"}, "colour: is no field that is known here"),
        ({"licence": None}, "licence: is missing"),
        ({"embedding": None, "feature_map": None}, "name an output of the network"),
        ({"std": [0.2, 0.2, 0]}, "std.2: must be more than 0"),
        ({"size": 2000}, "size: must be at most 1024"),
        ({"layout": "HWCN"}, "layout: must be 'NCHW' or 'NHWC'"),
    ],
)
def test_a_wrong_description_is_refused_with_its_field(
    description: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    write_encoder(tmp_path / "weights", **description)
    with pytest.raises(InvalidInput, match=sentence):
        get_backbone("own_encoder", tmp_path / "weights")
    with pytest.raises(ConfigError, match=sentence):
        create_app(Settings(data_dir=tmp_path / "data", weights_dir=tmp_path / "weights"))


@pytest.mark.parametrize(
    ("description", "sentence"),
    [
        ({"size": 128}, "size 128 and layout NCHW"),
        ({"layout": "NHWC"}, "layout NHWC"),
        ({"embedding": "pooled"}, "no output 'pooled', only vector, map, tokens"),
        ({"embedding": "map"}, "is no vector"),
        ({"feature_map": "tokens"}, "tokens_before"),
        ({"feature_map": "vector"}, "neither rows"),
    ],
)
def test_a_description_that_does_not_fit_the_network_is_refused(
    description: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    source = write_encoder(tmp_path, **description)
    with pytest.raises(InvalidInput, match=sentence):
        write_body(source, read_body(source.with_suffix(".yaml")), tmp_path / "body.onnx")


def _two_inputs(model: onnx.ModelProto) -> None:
    model.graph.input.append(onnx.helper.make_tensor_value_info("mask", onnx.TensorProto.FLOAT, ["n"]))


def _one_at_a_time(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1


def _half_precision(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT16


def _old(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 11


def _unknown_operator(model: onnx.ModelProto) -> None:
    model.graph.node[0].op_type = "Convolve"


def _blind(model: onnx.ModelProto) -> None:
    for weights in model.graph.initializer[:4]:
        weights.raw_data = bytes(len(weights.raw_data))


def _elsewhere(model: onnx.ModelProto) -> None:
    onnx.external_data_helper.set_external_data(model.graph.initializer[0], "../secret.bin")
    model.graph.initializer[0].ClearField("raw_data")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_two_inputs, r"takes 2 inputs \(image, mask\)"),
        (_one_at_a_time, "dynamic batch"),
        (_half_precision, "takes FLOAT16"),
        (_old, "opset 11"),
        (_unknown_operator, "ONNX Runtime cannot run"),
        (_blind, "the same for different images"),
        (_elsewhere, "outside its own folder"),
    ],
)
def test_a_network_that_cannot_be_a_body_is_refused(
    change: Callable[[onnx.ModelProto], None], sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(10_000))
    source = write_encoder(tmp_path / "weights")
    model = encoder()
    change(model)
    source.write_bytes(model.SerializeToString())
    with pytest.raises(InvalidInput, match=sentence):
        write_body(source, read_body(source.with_suffix(".yaml")), tmp_path / "body.onnx")


def test_files_that_are_too_large_or_no_network_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_encoder(tmp_path)
    body = read_body(source.with_suffix(".yaml"))
    with monkeypatch.context() as patched:
        patched.setattr(own_graph, "MAX_BYTES", 1000)
        with pytest.raises(TooLarge, match="GB are allowed"):
            write_body(source, body, tmp_path / "body.onnx")
    for data in (b"", b"\x08no network"):
        source.write_bytes(data)
        with pytest.raises(InvalidInput, match="not an ONNX file"):
            write_body(source, body, tmp_path / "body.onnx")


def test_weights_in_a_file_beside_it_are_read(tmp_path: Path) -> None:
    source = write_encoder(tmp_path)
    expected = tmp_path / "expected.onnx"
    body = read_body(source.with_suffix(".yaml"))
    write_body(source, body, expected)
    onnx.save(encoder(), source, save_as_external_data=True, location="own.data", size_threshold=100)
    assert own_graph.files_of(source) == [source, tmp_path / "own.data"]
    write_body(source, body, tmp_path / "body.onnx")
    square = np.random.default_rng(1).integers(0, 256, (1, SIZE, SIZE, 3), dtype=np.uint8)
    found, wanted = (
        onnxruntime.InferenceSession(path).run(None, {"image": square}) for path in (tmp_path / "body.onnx", expected)
    )
    assert all(np.array_equal(a, b) for a, b in zip(found, wanted, strict=True))
    (tmp_path / "own.data").unlink()
    with pytest.raises(InvalidInput, match="copy that file, too"):
        own_graph.files_of(source)


@pytest.mark.parametrize(
    ("weights", "mode", "sentence"), [("imagenet", "full", "mode 'head'"), ("none", "head", "its own weights")]
)
def test_it_is_never_trained_itself(weights: str, mode: str, sentence: str, tmp_path: Path) -> None:
    write_encoder(tmp_path)
    with pytest.raises(InvalidInput, match=sentence):
        find_weights("own_encoder", weights, tmp_path, mode)
