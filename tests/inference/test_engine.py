from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import onnx
import pytest
from bundle_maker import POOL, SIZE, make_network, photograph

from app.errors import Unavailable
from app.inference.engine import OnnxEngine

PACKAGE = Path(__file__).parents[2] / "app" / "inference"
ALLOWED = {"numpy", "cv2", "onnxruntime", "PIL", "pydantic", "app.classifiers", "app.errors", "app.inference"}
STANDARD = {
    "__future__", "base64", "collections", "ctypes", "dataclasses", "functools", "hashlib", "io", "math", "pathlib",
    "time", "typing", "warnings", "weakref", "zipfile",
}  # fmt: skip


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    onnx.save(make_network(SIZE, POOL), path)
    return path


def test_outputs_have_their_shapes_for_one_image_and_for_several(network: Path) -> None:
    squares = np.stack([photograph(seed) for seed in range(5)])
    several = OnnxEngine(network).run(squares)
    assert several.probabilities.shape == (5, 2)
    assert several.embedding.shape == (5, 3)
    assert several.activation is not None
    assert several.activation.shape == (5, SIZE // POOL, SIZE // POOL, 2)
    assert {np.asarray(output).dtype for output in several} == {np.dtype(np.float32)}
    for one, all_ in zip(OnnxEngine(network, threads=2).run(squares[3:4]), several, strict=True):
        assert one is not None
        assert all_ is not None
        assert one[0] == pytest.approx(all_[3], abs=1e-5)


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"nonsense")
    with pytest.raises(Unavailable, match=r"model\.onnx cannot be loaded"):
        OnnxEngine(path)


def test_a_network_without_the_agreed_outputs_is_refused_by_their_names(tmp_path: Path) -> None:
    model = make_network(SIZE, POOL)
    del model.graph.output[1:]
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    with pytest.raises(Unavailable, match="embedding"):
        OnnxEngine(path)


def test_the_package_imports_only_what_it_may() -> None:
    modules = sorted(PACKAGE.glob("*.py"))
    assert len(modules) > 10
    for module in modules:
        for name in imported(module):
            package = ".".join(name.split(".")[:2]) if name.startswith("app.") else name.split(".")[0]
            assert package in ALLOWED | STANDARD, f"{module.name} imports {name}"


def imported(module: Path) -> list[str]:
    nodes = list(ast.walk(ast.parse(module.read_text(encoding="utf-8"))))
    plain = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return plain + [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
