from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest
from bundle_maker import POOL, SIZE, make_body, make_shared_bundle, photograph

from app.errors import Unavailable
from app.inference import body as module
from app.inference.body import BODY, WEIGHTS, Body, shared_body
from app.inference.engine import OnnxEngine, SharedEngine
from app.inference.predictor import Predictor


@pytest.fixture
def bundles(tmp_path: Path) -> list[Path]:
    """Two bundles with the same body and different heads."""
    folders = [tmp_path / str(number) for number in range(2)]
    for seed, folder in enumerate(folders):
        folder.mkdir()
        make_shared_bundle(folder, seed)
    return folders


def test_a_head_on_its_body_gives_what_the_whole_network_gives(bundles: list[Path]) -> None:
    squares = np.stack([photograph(seed) for seed in range(5)])
    for bundle in bundles:
        whole = OnnxEngine(bundle / "model.onnx").run(squares)
        for found, expected in zip(SharedEngine(bundle / "head.onnx").run(squares), whole, strict=True):
            assert found == pytest.approx(expected, abs=1e-5)
    assert whole.activation is not None
    assert whole.activation.shape == (5, SIZE // POOL, SIZE // POOL, 2)


def test_bundles_with_the_same_body_load_it_once(bundles: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[Path] = []

    def load(path: Path, threads: int) -> Body:
        loaded.append(path)
        return Body(path, threads)

    monkeypatch.setattr(module, "Body", load)
    first, second = (Predictor(bundle) for bundle in bundles)
    assert loaded == [bundles[0] / BODY]
    data = (bundles[0] / BODY).read_bytes(), (bundles[1] / BODY).read_bytes()
    assert data[0] == data[1]
    assert first.size == sum((bundles[0] / name).stat().st_size for name in ("head.onnx", BODY, WEIGHTS))
    del first
    gc.collect()
    Predictor(bundles[0])
    assert len(loaded) == 1  # the second bundle still uses it
    del second
    gc.collect()
    Predictor(bundles[0])
    assert len(loaded) == 2


def test_a_body_with_other_weights_is_another_one(bundles: list[Path]) -> None:
    weights = bytearray((bundles[1] / WEIGHTS).read_bytes())
    weights[-1] ^= 0x40
    (bundles[1] / WEIGHTS).write_bytes(weights)
    assert shared_body(bundles[0], 1) is not shared_body(bundles[1], 1)
    with pytest.raises(Unavailable, match=r"body\.data is not the file that its card describes"):
        Predictor(bundles[1])


def test_a_missing_or_foreign_body_is_reported_by_its_name(bundles: list[Path]) -> None:
    (bundles[0] / WEIGHTS).unlink()
    with pytest.raises(Unavailable, match=r"body\.data cannot be read"):
        shared_body(bundles[0], 1)
    model = make_body(SIZE, POOL)
    del model.graph.output[:1]
    (bundles[1] / BODY).write_bytes(model.SerializeToString())
    with pytest.raises(Unavailable, match=r"body\.onnx lacks the outputs \['embedding'\]"):
        shared_body(bundles[1], 1)
