"""Everything that needs Keras, in one file: its import takes seconds."""

import dataclasses
import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.classifiers import Catalog, ClassifierSpec
from app.classifiers.spec import SPLITS
from app.config import CHECKOUT
from app.errors import Cancelled, Conflict, Enough, InvalidInput
from app.inference.engine import OnnxEngine
from app.inference.predictor import Predictor
from app.training.data.samples import read_images
from app.training.demo import build_demo, draw_samples
from app.training.evaluation.metrics import evaluate
from app.training.networks.backbones import BACKBONES, check_size
from app.training.networks.heads import SoftmaxHead
from app.training.progress import silent
from app.training.trainer import Plan, Sample, train

SPEC = Catalog()["cataract"]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sample, ...]:
    return draw_samples(SPEC, tmp_path_factory.mktemp("drawn"), 24, 3, silent)


def _plan(samples: tuple[Sample, ...], **changes: object) -> Plan:
    settings = {"backbone": "custom_cnn", "mode": "full", "epochs": 2, "seed": 5, "source": "drawn", "size": 64}
    return Plan(SPEC, samples, **{**settings, **changes})  # type: ignore[arg-type]  # the test chooses the types


class Log:
    """A progress that remembers, and cancels at a stage when told to."""

    def __init__(self, cancel_at: str = "") -> None:
        self.calls: list[tuple[str, int, int]] = []
        self.epochs: list[dict[str, float]] = []
        self._cancel_at = cancel_at

    def __call__(self, stage: str, done: int, total: int, epoch: dict[str, float] | None = None) -> None:
        self.calls.append((stage, done, total))
        if epoch is not None:
            self.epochs.append(epoch)
        if stage == self._cancel_at:
            raise Cancelled("The job was cancelled.")


@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_trains_and_exports_what_keras_computes(name: str, tmp_path: Path) -> None:
    from app.training.networks import assembly, export, runtime  # noqa: PLC0415  # loads TensorFlow

    random = np.random.default_rng(0)
    squares = random.integers(0, 256, (4, 64, 64, 3), dtype=np.uint8)
    with runtime.session(1):
        network = assembly.build_network(name, 64, 3)
        network.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
        network.train_on_batch(squares, np.array([0, 1, 2, 0]))
        export.export(network, tmp_path)
        expected = [np.asarray(part) for part in export.with_activation(network)(squares)]
        again = runtime.keras.saving.load_model(tmp_path / "model.keras")
        assert not again.compiled  # no optimizer state
        assert np.allclose(np.asarray(again(squares)), expected[0], atol=1e-5)
    outputs = OnnxEngine(tmp_path / "model.onnx").run(squares)
    for found, wanted in zip(outputs, expected, strict=True):
        assert np.abs(found - wanted).max() < 1e-4 * max(1.0, float(np.abs(wanted).max()))
    assert outputs.activation is not None
    logits = outputs.activation.mean(axis=(1, 2))
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    assert np.allclose(powers / powers.sum(axis=1, keepdims=True), outputs.probabilities, atol=1e-4)


def test_the_second_look_is_at_the_central_quarter_and_lies_there() -> None:
    from app.training.networks import assembly, runtime  # noqa: PLC0415  # loads TensorFlow

    colour = (200, 90, 30)
    square = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    square[16:48, 16:48] = colour
    plain = np.full_like(square, colour)
    with runtime.session(1):
        network = assembly.build_network("mobilenet_closer", 64, 2)
        body = runtime.keras.Model(network.input, network.get_layer(assembly.FEATURES).output)
        found, wanted = np.asarray(body(np.stack([square, plain])))
    close, whole = (found[2:6, 2:6] - found[::7, ::7].repeat(2, 0).repeat(2, 1)) / 4, wanted[::7, ::7]
    assert whole.any()
    assert np.allclose(close, whole.repeat(2, 0).repeat(2, 1), atol=1e-4)


@pytest.mark.parametrize("name", BACKBONES)
def test_sizes_that_a_backbone_cannot_take_are_refused(name: str) -> None:
    stride = BACKBONES[name].stride
    check_size(name, 4 * stride)
    if stride > 1:
        with pytest.raises(InvalidInput, match=f"a multiple of {stride} for {name}, not {4 * stride + 1}"):
            check_size(name, 4 * stride + 1)


def test_a_run_fills_a_bundle_that_serves(samples: tuple[Sample, ...], tmp_path: Path) -> None:
    log = Log()
    card = train(_plan(samples), tmp_path, log)
    predictor = Predictor(tmp_path)  # verifies the checksums
    assert predictor.card == card
    assert (card.epochs, card.preprocessing.size, card.classes) == (2, 64, ("cataract", "normal"))
    assert card.data.counts["train"] == {
        name: sum(1 for s in samples if (s.label, s.split) == (name, "train")) for name in card.classes
    }
    tests = [sample for sample in samples if sample.split == "test"]
    served = evaluate(predictor, tests)
    assert served["confusion_matrix"] == card.metrics["confusion_matrix"]  # what is claimed is what is served
    assert served["intervals"]["auroc"] == pytest.approx(card.metrics["intervals"]["auroc"])
    assert {stage for stage, _, _ in log.calls} == {
        "reading images", "loading", "training", "exporting", "quantizing", "calibrating", "evaluating",
    }  # fmt: skip
    assert all(0 <= done <= total for _, done, total in log.calls)
    assert [epoch["epoch"] for epoch in log.epochs] == [1.0, 2.0]
    assert set(log.epochs[0]) == {
        "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds", "learning_rate",
    }  # fmt: skip
    json.dumps(card.model_dump(mode="json"), allow_nan=False)


def test_the_same_seed_gives_the_same_model(samples: tuple[Sample, ...], tmp_path: Path) -> None:
    cards = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        cards.append(train(_plan(samples), tmp_path / name, silent))
    assert cards[0].metrics == cards[1].metrics
    assert [epoch["loss"] for epoch in cards[0].history] == [epoch["loss"] for epoch in cards[1].history]


@pytest.mark.parametrize("stage", ["reading images", "training", "calibrating"])
def test_cancelling_stops_at_once_and_leaves_no_card(samples: tuple[Sample, ...], tmp_path: Path, stage: str) -> None:
    log = Log(cancel_at=stage)
    with pytest.raises(Cancelled):
        train(_plan(samples, epochs=50), tmp_path, log)
    assert [call[0] for call in log.calls].count(stage) == 1
    assert not (tmp_path / "card.json").exists()


@pytest.fixture(scope="module")
def body(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a custom_cnn's body, from chance."""
    from app.training.networks import assembly, runtime  # noqa: PLC0415  # loads TensorFlow

    file = tmp_path_factory.mktemp("weights") / "body.weights.h5"
    with runtime.session(2):
        network = assembly.build_network("custom_cnn", 64, 2)
        runtime.keras.Model(network.input, network.get_layer(assembly.FEATURES).output).save_weights(file)
    return file


def test_fine_tuning_keeps_the_lower_layers_and_is_no_worse_than_the_head(
    samples: tuple[Sample, ...], body: Path, tmp_path: Path
) -> None:
    from app.training.finetuning import batches  # noqa: PLC0415  # loads TensorFlow
    from app.training.heads.head import learn_head  # noqa: PLC0415
    from app.training.networks import assembly, runtime  # noqa: PLC0415  # loads TensorFlow
    from app.training.networks.frozen import freeze  # noqa: PLC0415

    cards, losses, weights = [], [], []
    for mode in ("head", "full"):
        bundle = tmp_path / mode
        bundle.mkdir()
        spec = SPEC.model_copy(update={"training": SPEC.training.model_copy(update={"learning_rate": 1.0})})
        plan = _plan(samples, mode=mode, epochs=2, weights=str(body), cache_dir=tmp_path / "cache")
        cards.append(train(dataclasses.replace(plan, spec=spec), bundle, silent))
        network = runtime.keras.saving.load_model(bundle / "model.keras")
        if mode == "head":  # fine-tuning starts from one that has not learned from the validation images
            settled = spec.settled(64, backbone="custom_cnn")
            frozen = freeze("custom_cnn", (body,), 64, tmp_path / "cache")
            started = learn_head(samples, settled, frozen, silent, whole=False)
            assert isinstance(started.layer, SoftmaxHead)
            network.get_layer(assembly.HEAD).set_weights([started.layer.kernel, started.layer.bias])
        network.compile(loss="sparse_categorical_crossentropy")
        images = read_images(samples, cards[-1].classes, cards[-1].preprocessing, bundle, silent)
        losses.append(network.evaluate(batches.Batches(images, "val", SPEC.training, vary=False), verbose=0))
        weights.append(network.get_weights())
    assert losses[1] <= losses[0]  # whatever the learning rate
    assert cards[1].history[: len(cards[0].history)] == [
        {**each, "seconds": cards[1].history[i]["seconds"]} for i, each in enumerate(cards[0].history)
    ]
    assert len(cards[1].history) == len(cards[0].history) + 2
    start = assembly.build_network("custom_cnn", 64, 2, (body,)).get_weights()
    assert np.array_equal(weights[1][0], start[0])  # the lower layers and
    assert np.array_equal(weights[1][3], start[3])  # the batch statistics stay
    assert np.array_equal(weights[0][0], start[0])


RESUMED = """
import pickle, sys, time
from pathlib import Path
from app.training.trainer import train
folder = Path(sys.argv[1])
def tell(stage, done, total, epoch=None):
    if epoch is not None:
        print(int(epoch["epoch"]), flush=True)
        time.sleep(float(sys.argv[2]))
card = train(pickle.loads((folder / "plan").read_bytes()), folder / sys.argv[3], tell)
print(card.model_dump_json())
"""


def test_a_killed_training_goes_on_from_its_last_epoch(samples: tuple[Sample, ...], tmp_path: Path) -> None:
    """And ends with the model that it would have made without the kill."""
    plan = _plan(samples, epochs=5, run_dir=tmp_path / "run")
    (tmp_path / "plan").write_bytes(pickle.dumps(plan))
    for name in ("killed", "resumed", "whole"):
        (tmp_path / name).mkdir()
    command = [sys.executable, "-c", RESUMED, str(tmp_path)]
    with subprocess.Popen([*command, "60", "killed"], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "1\n"
        process.kill()
    (checkpoint,) = (tmp_path / "run").rglob("checkpoint.npz")
    with np.load(checkpoint) as saved:
        first_epoch = json.loads(str(saved["state"]))["history"][0]
    second = subprocess.run([*command, "0", "resumed"], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    *epochs, card = second.stdout.splitlines()
    assert epochs == ["1", "2", "3", "4", "5"]  # the first is told again, not trained again:
    history = json.loads(card)["history"]
    assert history[0]["seconds"] == first_epoch["seconds"]
    whole = train(dataclasses.replace(plan, run_dir=None), tmp_path / "whole", silent)
    assert [each["loss"] for each in history] == pytest.approx([each["loss"] for each in whole.history], rel=1e-4)


def test_a_training_that_is_told_enough_ends_with_its_best_epoch(samples: tuple[Sample, ...], tmp_path: Path) -> None:
    def one_epoch(stage: str, done: int, total: int, epoch: dict[str, float] | None = None) -> None:
        del done, total
        if stage == "training" and epoch is not None:
            raise Enough("Stopped as requested.")

    card = train(_plan(samples, epochs=50), tmp_path, one_epoch)
    assert len(card.history) == 1
    assert Predictor(tmp_path).card.metrics == card.metrics
    (tmp_path / "none").mkdir()

    def at_once(stage: str, done: int, total: int, epoch: dict[str, float] | None = None) -> None:
        del done, total, epoch
        if stage == "training":
            raise Enough("There is no epoch to keep yet.")

    with pytest.raises(Enough, match="no epoch"):
        train(_plan(samples, epochs=50), tmp_path / "none", at_once)


@pytest.mark.parametrize("name", ["custom_cnn", "mobilenet_pair"])
def test_weights_of_another_network_are_refused(samples: tuple[Sample, ...], tmp_path: Path, name: str) -> None:
    (tmp_path / "wrong.weights.h5").write_bytes(b"no weights")
    plan = _plan(samples, backbone=name, weights=str(tmp_path / "wrong.weights.h5"))
    with pytest.raises(InvalidInput, match=f"are not those of {name}"):
        train(plan, tmp_path, silent)


@pytest.mark.parametrize("split", SPLITS)
def test_a_class_without_images_in_a_split_is_named(samples: tuple[Sample, ...], tmp_path: Path, split: str) -> None:
    lacking = tuple(s for s in samples if (s.label, s.split) != ("normal", split))
    with pytest.raises(InvalidInput, match=f"'normal' of cataract has no image in the {split} split"):
        train(_plan(lacking), tmp_path, silent)


def test_an_unreadable_image_is_named(samples: tuple[Sample, ...], tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no image")
    first = samples[0]
    plan = _plan((Sample(broken, first.sha256, first.label, first.split, "x"), *samples))
    with pytest.raises(InvalidInput, match=r"^broken\.jpg: "):
        train(plan, tmp_path, silent)


def test_a_demonstration_model_is_put_in_place_whole(tmp_path: Path) -> None:
    card = build_demo(SPEC, tmp_path, silent, per_class=24, epochs=1)
    bundle = tmp_path / "cataract" / "1"
    assert sum(file.stat().st_size for file in bundle.iterdir()) < 1_000_000
    assert card.demo
    assert "Demonstration model" in str(Predictor(bundle).card.notice)
    assert [path.name for path in bundle.parent.iterdir()] == ["1"]
    with pytest.raises(Conflict):
        build_demo(SPEC, tmp_path, silent)


def test_a_classifier_that_cannot_be_drawn_has_no_demonstration(tmp_path: Path) -> None:
    dump = SPEC.model_dump()
    dump["classes"][0]["drawing"] = None
    with pytest.raises(InvalidInput, match="cannot draw the class cataract"):
        build_demo(ClassifierSpec.model_validate(dump), tmp_path, silent)
