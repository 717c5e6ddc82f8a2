"""Heads on frozen features: what is cached, what is computed again, and that no TensorFlow is needed."""

import pickle
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from app.classifiers import Catalog
from app.config import CHECKOUT
from app.errors import InvalidInput
from app.inference.engine import OnnxEngine, SharedEngine
from app.inference.predictor import Predictor
from app.training.data.samples import read_frame
from app.training.demo import draw_samples
from app.training.evaluation.metrics import evaluate
from app.training.heads.feature_store import FeatureStore, Stored, View
from app.training.heads.solver import Data, fit_head
from app.training.progress import silent
from app.training.trainer import Plan, train

SPEC = Catalog()["cat_dog"]
LOOKS = np.arange(4, dtype=np.float32)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """A head on a custom_cnn's body from chance, whose cache is warm."""
    from app.training.networks import assembly, runtime  # noqa: PLC0415  # loads TensorFlow

    folder = tmp_path_factory.mktemp("frozen")
    (folder / "drawn").mkdir()
    with runtime.session(2):
        network = assembly.build_network("custom_cnn", 64, 2)
        end = network.get_layer(assembly.FEATURES).output
        runtime.keras.Model(network.input, end).save_weights(folder / "body.weights.h5")
    samples = draw_samples(SPEC, folder / "drawn", 30, 3, silent)
    made = Plan(SPEC, samples, "custom_cnn", "head", 5, 7, "drawn", weights=str(folder / "body.weights.h5"), size=64,
                cache_dir=folder / "cache")  # fmt: skip
    (folder / "first").mkdir()
    train(made, folder / "first", silent)
    return made


@dataclass
class Reads:
    """How many squares were read from files."""

    count: int = 0


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    from app.training.data import samples  # noqa: PLC0415  # where it is looked up
    from app.training.heads import features  # noqa: PLC0415  # where it is looked up

    counted = Reads()

    def counting(*arguments: object) -> object:
        counted.count += 1
        return read_frame(*arguments)  # type: ignore[arg-type]  # the test chooses the types

    monkeypatch.setattr(features, "read_frame", counting)
    monkeypatch.setattr(samples, "read_frame", counting)
    return counted


def test_a_bundle_serves_what_keras_computes_and_what_its_card_claims(plan: Plan, tmp_path: Path) -> None:
    from app.training.networks import runtime  # noqa: PLC0415  # loads TensorFlow

    card = train(plan, tmp_path, silent)
    predictor = Predictor(tmp_path)
    tests = [sample for sample in plan.samples if sample.split == "test"]
    assert evaluate(predictor, tests)["confusion_matrix"] == card.metrics["confusion_matrix"]
    squares = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), dtype=np.uint8)
    outputs = OnnxEngine(tmp_path / "model.onnx").run(squares)
    served = SharedEngine(tmp_path / "head.onnx").run(squares)
    assert served.activation is not None and outputs.activation is not None  # noqa: PT018 - for the checker of types
    pairs = zip(served[:2], outputs[:2], strict=True)
    assert all(np.allclose(one, other, atol=1e-5) for one, other in pairs)
    assert np.allclose(served.activation, outputs.activation, atol=1e-5)
    network = runtime.keras.saving.load_model(tmp_path / "model.keras")
    assert np.allclose(np.asarray(network(squares)), outputs.probabilities, atol=1e-5)
    assert network.count_params() == card.parameters
    logits = outputs.activation.mean(axis=(1, 2))
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.allclose(softmax, outputs.probabilities, atol=1e-5)
    assert {"epoch", "loss", "accuracy", "val_loss", "val_accuracy"} <= set(card.history[0])


def test_another_number_of_classes_fits_the_same_body(plan: Plan, tmp_path: Path) -> None:
    from app.training.networks import runtime  # noqa: PLC0415  # loads TensorFlow

    spec = Catalog()["eye_diseases"]
    renamed = [replace(sample, label=spec.class_names[i % 4]) for i, sample in enumerate(plan.samples)]
    samples = tuple(replace(each, split=("train", "val", "test")[i // 4 % 3]) for i, each in enumerate(renamed))
    card = train(replace(plan, spec=spec, samples=samples), tmp_path, silent)
    network = runtime.keras.saving.load_model(tmp_path / "model.keras")
    assert network.output_shape == (None, 4)
    assert Predictor(tmp_path).card == card


def test_a_head_is_trained_without_tensorflow_and_is_the_same_every_time(plan: Plan, tmp_path: Path) -> None:

    (tmp_path / "plan").write_bytes(pickle.dumps(plan))
    (tmp_path / "bundle").mkdir()
    code = (
        "import pickle, sys; from pathlib import Path; from app.training.trainer import train;"
        "from app.training.progress import silent; folder = Path(sys.argv[1]);"
        "train(pickle.loads((folder / 'plan').read_bytes()), folder / 'bundle', silent);"
        "sys.exit(bool({'keras', 'tensorflow'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=CHECKOUT, check=False).returncode == 0
    (tmp_path / "again").mkdir()
    train(plan, tmp_path / "again", silent)
    for name in ("model.onnx", "head.onnx", "body.onnx", "body.data", "model.keras", "novelty.npz"):
        assert (tmp_path / "bundle" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_only_new_images_are_looked_at(plan: Plan, reads: Reads, tmp_path: Path) -> None:
    (tmp_path / "drawn").mkdir()
    joined = tuple(replace(each, split="train") for each in draw_samples(SPEC, tmp_path / "drawn", 2, 9, silent))
    for number, (samples, expected) in enumerate([(plan.samples, 0), ((*plan.samples, *joined), len(joined))]):
        (tmp_path / str(number)).mkdir()
        reads.count = 0
        train(replace(plan, samples=samples), tmp_path / str(number), silent)
        assert reads.count == expected  # each once, as it is and varied
    (tmp_path / "other").mkdir()
    reads.count = 0
    other = SPEC.preprocessing.model_copy(update={"crop": "stretch"})
    train(replace(plan, spec=SPEC.model_copy(update={"preprocessing": other})), tmp_path / "other", silent)
    assert reads.count == len(plan.samples)  # another preprocessing shows other squares


def test_an_unreadable_new_image_is_named(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    broken = replace(plan.samples[0], path=tmp_path / "broken.jpg", sha256="0" * 64)
    with pytest.raises(InvalidInput, match=r"^broken\.jpg: "):
        train(replace(plan, samples=(*plan.samples, broken)), tmp_path, silent)


def test_the_store_keeps_all_of_an_addition_or_nothing(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path / "features" / "a.sqlite")
    views = [View(f"{number:064x}", look) for number in range(700) for look in ("", "varied")]
    stored = [
        Stored(np.full(3, number, np.float32), {"sharpness": float(number)}, LOOKS) for number in range(len(views))
    ]
    store.add(views, stored)
    bad: dict[str, Any] = {"bad": object()}
    with pytest.raises(TypeError):
        store.add([View("new", ""), View("bad", "")], [stored[0], Stored(stored[0].embedding, bad, LOOKS)])
    found = FeatureStore(tmp_path / "features" / "a.sqlite").read([*views[::2], View("new", "")])
    assert set(found) == set(views[::2])
    assert found[views[10]].measures == {"sharpness": 10.0}
    assert np.array_equal(found[views[10]].embedding, stored[10].embedding)
    assert np.array_equal(found[views[10]].appearance, LOOKS)


def test_the_head_is_the_regression_of_scikit_learn_on_standardised_features() -> None:
    random = np.random.default_rng(1)
    labels = np.arange(240) % 3
    features = (random.normal(5, 3, (240, 12)) + np.eye(12)[labels] * 4).astype(np.float32)
    groups = [str(row // 2) for row in range(240)]
    rows = np.arange(240)
    fold = rows[:200], rows[200:]
    data = Data(features, (), labels, groups, fold)
    fit = fit_head(data, whole=True, balance=False, seed=1, progress=silent)
    best = min(fit.history, key=lambda each: each["val_loss"])["strength"]
    plain = make_pipeline(StandardScaler(), LogisticRegression(C=best))
    assert np.allclose(fit.head.probabilities(features), plain.fit(features, labels).predict_proba(features), atol=0.01)
    for learned, kept_out in fit.folds:
        assert not {groups[row] for row in learned} & {groups[row] for row in kept_out}
        expected = plain.fit(features[learned], labels[learned]).predict_proba(features[kept_out])
        assert np.allclose(fit.kept_out[kept_out], expected, atol=0.03)
    assert sorted(np.concatenate([kept_out for _, kept_out in fit.folds])) == rows.tolist()
    parted = fit_head(data, whole=False, balance=False, seed=1, progress=silent).head.probabilities(features)
    plain.set_params(logisticregression__C=best).fit(features[fold[0]], labels[fold[0]])
    assert np.allclose(parted, plain.predict_proba(features), atol=0.03)


def test_with_too_few_patients_the_given_split_is_the_only_fold() -> None:
    features, labels = np.random.default_rng(1).normal(0, 1, (12, 40)).astype(np.float32), np.arange(12) % 3
    fold = np.arange(9), np.arange(9, 12)
    data = Data(features, (features + 0.1,), labels, [str(row) for row in range(12)], fold)
    fit = fit_head(data, whole=True, balance=True, seed=1, progress=silent)
    assert fit.folds == [fold]
    assert np.allclose(fit.kept_out[fold[1]].sum(axis=1), 1)
    assert fit.head.shape == (40, 3)  # fewer points than features


def test_each_source_is_left_out_in_turn_with_the_patients_that_it_shares() -> None:
    random = np.random.default_rng(3)
    labels = np.arange(240) % 2
    features = (random.normal(0, 1, (240, 6)) + 2 * np.eye(6)[labels]).astype(np.float32)
    sources = ["clinic"] * 120 + ["hospital"] * 118 + ["elsewhere"] * 2
    groups = [str(row) for row in range(240)]
    groups[0] = groups[130]
    fold = np.arange(200), np.arange(200, 240)
    data = Data(features, (), labels, groups, fold, sources)
    fit = fit_head(data, whole=True, balance=False, seed=1, progress=silent)
    best = min(fit.history, key=lambda each: each["val_loss"])["strength"]
    without = np.setdiff1d(np.arange(120, 240), [130])
    plain = make_pipeline(StandardScaler(), LogisticRegression(C=best)).fit(features[without], labels[without])
    assert np.allclose(fit.elsewhere[:120], plain.predict_proba(features[:120]), atol=0.03)
    assert not np.isnan(fit.elsewhere).any()
    alone = fit_head(data._replace(sources=["clinic"] * 240), whole=True, balance=False, seed=1, progress=silent)
    assert np.isnan(alone.elsewhere).all()
