"""The eight-bit copy of a frozen body: what it computes, and what a head on it answers."""

from pathlib import Path

import numpy as np

from app.classifiers import Catalog
from app.inference.predictor import Predictor
from app.training.demo import draw_samples
from app.training.evaluation.metrics import evaluate
from app.training.networks.backbones import MOBILENETV2
from app.training.networks.frozen import freeze
from app.training.progress import silent
from app.training.trainer import Plan, train

SPEC, SIZE = Catalog()["cat_dog"], 64


def test_a_head_on_eight_bits_serves_what_it_learned_from(tmp_path: Path) -> None:
    from app.training.networks import assembly, runtime  # noqa: PLC0415  # loads TensorFlow

    weights = tmp_path / MOBILENETV2
    with runtime.session(2):
        network = assembly.build_network("mobilenetv2", SIZE, 2)
        runtime.keras.Model(network.input, network.get_layer(assembly.FEATURES).output).save_weights(weights)
    small = freeze("mobilenetv2", (weights,), SIZE, tmp_path / "cache")
    whole = freeze("mobilenetv2", (weights,), SIZE, tmp_path / "cache", float32=True)
    assert small.graph.stat().st_size < 0.5 * whole.graph.stat().st_size
    assert small.key != whole.key

    (tmp_path / "drawn").mkdir()
    samples = draw_samples(SPEC, tmp_path / "drawn", 24, 3, silent)
    plan = Plan(SPEC, samples, "mobilenetv2", "head", 1, 7, "drawn", weights=str(weights), size=SIZE,
                cache_dir=tmp_path / "cache")  # fmt: skip
    (tmp_path / "bundle").mkdir()
    card = train(plan, tmp_path / "bundle", silent)
    tests = [each for each in samples if each.split == "test"]
    predictor = Predictor(tmp_path / "bundle")
    assert evaluate(predictor, tests)["confusion_matrix"] == card.metrics["confusion_matrix"]
    assert predictor.size < 0.5 * whole.graph.stat().st_size

    squares = np.random.default_rng(0).integers(0, 256, (4, SIZE, SIZE, 3), dtype=np.uint8)
    found, expected = small.embedder()(squares), whole.embedder()(squares)
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.9
