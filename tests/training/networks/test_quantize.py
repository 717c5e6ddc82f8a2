from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.classifiers import Card, Catalog
from app.inference.engine import Int8Engine, OnnxEngine
from app.inference.predictor import Predictor
from app.training.data.samples import Sample, read_square
from app.training.demo import draw_samples
from app.training.evaluation.metrics import evaluate
from app.training.progress import silent
from app.training.trainer import Plan, train

SPEC = Catalog()["cataract"]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sample, ...]:
    return draw_samples(SPEC, tmp_path_factory.mktemp("drawn"), 24, 3, silent)


def _train(samples: tuple[Sample, ...], bundle: Path, monkeypatch: pytest.MonkeyPatch, **limits: float) -> Card:
    """Train under other limits of what eight bits must reach."""
    from app.training.networks import quantize  # noqa: PLC0415  # loads TensorFlow

    for name, value in limits.items():
        monkeypatch.setattr(quantize, name, value)
    return train(Plan(SPEC, samples, "custom_cnn", "full", 2, 5, "drawn", size=64), bundle, silent)


def test_eight_bits_that_agree_serve_and_everything_is_fitted_on_them(
    samples: tuple[Sample, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = _train(samples, tmp_path, monkeypatch, AGREEMENT=0.0, LOSS=1.0, SLOWER=1e9)
    small, whole = tmp_path / Int8Engine.file_name, tmp_path / OnnxEngine.file_name
    assert card.int8 is not None
    assert card.int8.kept
    assert card.engine == "onnx-int8"
    assert set(card.files) == {"model.keras", "model.onnx", "model.int8.onnx", "novelty.npz", "similar.npz"}
    assert small.stat().st_size < 0.7 * whole.stat().st_size
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 1_000_000

    predictor, tests = Predictor(tmp_path), [sample for sample in samples if sample.split == "test"]
    assert predictor.size == small.stat().st_size
    served = evaluate(predictor, tests)
    for name in ("auroc", "ece", "accuracy"):
        assert served[name] == pytest.approx(card.metrics[name])
    squares = np.stack([read_square(each.path, card.preprocessing) for each in tests])
    found, expected = Int8Engine(small).run(squares), OnnxEngine(whole).run(squares)
    same = found.probabilities.argmax(axis=1) == expected.probabilities.argmax(axis=1)
    assert card.int8.agreement == pytest.approx(same.mean())
    assert np.abs(found.probabilities - expected.probabilities).max() < 0.2
    assert np.corrcoef(found.embedding.ravel(), expected.embedding.ravel())[0, 1] > 0.98


def test_eight_bits_that_disagree_are_thrown_away(
    samples: tuple[Sample, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = _train(samples, tmp_path, monkeypatch, AGREEMENT=1.01)
    assert card.int8 is not None
    assert not card.int8.kept
    assert "101% needed" in card.int8.reason
    assert card.engine == "onnx"
    assert {path.name for path in tmp_path.iterdir()} == {*card.files, "card.json"}
    assert Predictor(tmp_path).size == (tmp_path / OnnxEngine.file_name).stat().st_size
