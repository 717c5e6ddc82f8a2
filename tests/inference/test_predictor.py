from __future__ import annotations

import base64
import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from bundle_maker import SIZE, SPEC, make_bundle, photograph
from PIL import Image

from app.classifiers.card import CARD_NAME, Calibration, Thresholds
from app.errors import InvalidInput, Unavailable
from app.inference.arrays import Pixels
from app.inference.engine import ENGINES, Engine, OnnxEngine, Outputs
from app.inference.novelty import NOVELTY_NAME
from app.inference.predictor import Predictor
from app.inference.similar import SIMILAR_NAME

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make_bundle(tmp_path)


def png(pixels: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_photograph_of_its_kind_is_answered_in_full(bundle: Path) -> None:
    answer = Predictor(bundle).predict(png(photograph(100)))
    assert answer.predicted_class == "red"
    assert answer.decision == "refer"
    assert answer.prediction_set == ["red"]
    assert answer.confidence == answer.probabilities["red"] == max(answer.probabilities.values())
    assert sum(answer.probabilities.values()) == pytest.approx(1)
    assert answer.quality.gradable
    assert answer.novelty.in_distribution
    assert (answer.width, answer.height) == (SIZE, SIZE)
    assert answer.explanation is None


def test_the_negative_class_is_not_referred(bundle: Path) -> None:
    assert Predictor(bundle).predict(png(photograph(101))).decision == "no_refer"


def test_another_kind_of_image_is_out_of_distribution(bundle: Path) -> None:
    blue = np.full((SIZE, SIZE, 3), (0, 0, 255), np.uint8)
    assert Predictor(bundle).predict(png(blue)).decision == "out_of_distribution"


def test_quality_is_that_of_the_photograph_and_not_of_its_evened_out_contrast(tmp_path: Path) -> None:
    (tmp_path / "even").mkdir()
    (tmp_path / "plain").mkdir()
    even = SPEC.preprocessing.model_copy(update={"contrast": "local_average"})
    evened, plain = (
        Predictor(make_bundle(tmp_path / "even", preprocessing=even)),
        Predictor(make_bundle(tmp_path / "plain")),
    )
    dull = png(photograph(100) // 3 + 20)
    assert evened.predict(dull).quality == plain.predict(dull).quality
    assert evened.predict(dull).probabilities != plain.predict(dull).probabilities


def test_a_blurred_photograph_is_ungradable(bundle: Path) -> None:
    small = Image.fromarray(photograph(100)).resize((12, 12), Image.Resampling.BOX).resize((SIZE, SIZE))
    answer = Predictor(bundle).predict(png(np.asarray(small)))
    assert answer.decision == "ungradable"
    assert "blurred" in answer.quality.reasons


def test_the_explanation_is_a_picture_and_comes_only_when_asked_for(bundle: Path) -> None:
    answer = Predictor(bundle).predict(png(photograph(100)), explain=True)
    assert answer.explanation is not None
    head, body = answer.explanation.split(",")
    assert head == "data:image/png;base64"
    assert Image.open(io.BytesIO(base64.b64decode(body))).size == (SIZE, SIZE)


def test_a_classifier_may_answer_for_poor_photographs_too(tmp_path: Path) -> None:
    small = Image.fromarray(photograph(100)).resize((12, 12), Image.Resampling.BOX).resize((SIZE, SIZE))
    lenient = SPEC.model_copy(update={"reject_ungradable": False})
    answer = Predictor(make_bundle(tmp_path, spec=lenient)).predict(png(np.asarray(small)))
    assert not answer.quality.gradable
    assert answer.decision != "ungradable"


def test_the_nearest_training_images_are_of_the_class_that_it_shows(bundle: Path) -> None:
    predictor = Predictor(bundle)
    found = predictor.predict(png(photograph(6)), similar=4).similar
    assert found is not None
    assert [each.label for each in found] == ["red"] * 4
    assert (found[0].name, round(found[0].distance, 3)) == ("6.png", 0)
    assert predictor.predict(png(photograph(6))).similar is None


def test_training_images_are_read_when_they_are_asked_for(bundle: Path) -> None:
    predictor = Predictor(bundle)
    (bundle / SIMILAR_NAME).write_bytes(b"changed")
    assert predictor.predict(png(photograph(100))).predicted_class == "red"
    with pytest.raises(Unavailable, match=f"{SIMILAR_NAME}.*not the file"):
        predictor.predict(png(photograph(100)), similar=1)


def test_the_temperature_of_the_card_softens_the_answers(tmp_path: Path) -> None:
    for name in ("sharp", "soft"):
        (tmp_path / name).mkdir()
    squares = np.stack([photograph(seed) for seed in range(40)])
    sharp = Predictor(make_bundle(tmp_path / "sharp")).probabilities(squares)
    soft = Predictor(make_bundle(tmp_path / "soft", temperature=4.0)).probabilities(squares)
    assert (sharp.argmax(axis=1) == np.arange(40) % 2).all()
    assert (soft.max(axis=1) < sharp.max(axis=1)).all()
    assert soft.sum(axis=1) == pytest.approx(1)


def test_what_is_like_no_class_or_like_both_is_uncertain(tmp_path: Path) -> None:
    for name in ("none", "both", "older"):
        (tmp_path / name).mkdir()
    limits = {"prediction_set": 0.9, "operating_point": 0.5, "novelty": 1e6}
    strict = Thresholds.model_validate(limits | {"prediction_sets": {"red": 1.1, "green": 1.1}})
    loose = Thresholds.model_validate(limits | {"prediction_sets": {"red": 0.0, "green": 0.0}})
    neither = Predictor(make_bundle(tmp_path / "none", thresholds=strict)).predict(png(photograph(100)))
    assert (neither.prediction_set, neither.decision, neither.predicted_class) == ([], "uncertain", "red")
    both = Predictor(make_bundle(tmp_path / "both", thresholds=loose)).predict(png(photograph(100)))
    assert (both.prediction_set, both.decision) == (["red", "green"], "uncertain")
    older = Predictor(make_bundle(tmp_path / "older", thresholds=Thresholds.model_validate(limits)))
    probability = older.predict(png(photograph(100))).probabilities["red"]
    assert older.predict(png(photograph(100))).prediction_set == (["red"] if probability >= 0.9 else [])


def test_a_prevalence_changes_the_probabilities_and_not_the_decision(tmp_path: Path) -> None:
    for name in ("as_trained", "at_the_clinic"):
        (tmp_path / name).mkdir()
    counts, bias = {"red": 30, "green": 30}, {"red": 0.3, "green": -0.3}
    calibration = Calibration(method="split", images=counts, bias=bias)
    rare = calibration.model_copy(update={"prevalence": {"red": 0.02, "green": 0.98}})
    trained = Predictor(make_bundle(tmp_path / "as_trained", calibration=calibration))
    clinic = Predictor(make_bundle(tmp_path / "at_the_clinic", calibration=rare))
    for seed in (100, 101):
        before, after = trained.predict(png(photograph(seed))), clinic.predict(png(photograph(seed)))
        odds = [each.probabilities["red"] / each.probabilities["green"] for each in (before, after)]
        assert odds[1] == pytest.approx(odds[0] * 0.02 / 0.98)
        assert (before.decision, before.prediction_set) == (after.decision, after.prediction_set)
        assert after.confidence == max(after.probabilities.values())
        assert (before.prevalence, before.operating_point) == (None, 0.5)
        assert after.prevalence == {"red": 0.02, "green": 0.98}
        assert after.operating_point == pytest.approx(0.02)
        assert (after.decision == "refer") == (after.probabilities["red"] >= 0.02)


def test_many_threads_get_the_answers_that_one_gets(bundle: Path) -> None:
    predictor = Predictor(bundle)
    images = [png(photograph(seed)) for seed in range(24)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(predictor.predict, images)) == [predictor.predict(image) for image in images]


@pytest.mark.parametrize("name", [OnnxEngine.file_name, NOVELTY_NAME])
def test_a_changed_or_missing_file_is_refused_by_name(bundle: Path, name: str) -> None:
    path = bundle / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(Unavailable, match=f"{name}.*not the file"):
        Predictor(bundle)
    path.unlink()
    with pytest.raises(Unavailable, match=name):
        Predictor(bundle)


def test_a_broken_card_is_refused(bundle: Path) -> None:
    (bundle / CARD_NAME).write_text("{}", encoding="utf-8")
    with pytest.raises(Unavailable, match=CARD_NAME):
        Predictor(bundle)


def test_a_card_that_does_not_fit_the_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="does not fit"):
        Predictor(make_bundle(tmp_path, classes=("red", "green", "amber")))


def test_an_unknown_engine_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="known are: onnx"):
        Predictor(make_bundle(tmp_path, engine="abacus"))


class CoinEngine(Engine):
    """Says the same whatever it sees."""

    file_name: ClassVar[str] = OnnxEngine.file_name

    def __init__(self, path: Path, threads: int = 1) -> None:
        del path, threads

    def run(self, batch: Pixels) -> Outputs:
        n = len(batch)
        probabilities = np.tile(np.array([0.1, 0.9], np.float32), (n, 1))
        return Outputs(probabilities, np.zeros((n, 3), np.float32), np.zeros((n, 2, 2, 2), np.float32))


def test_a_new_engine_is_one_class_and_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, "coin", CoinEngine)
    answer = Predictor(make_bundle(tmp_path, engine="coin")).predict(png(photograph(100)))
    assert answer.predicted_class == "green"


def test_damaged_uploads_are_refused(bundle: Path) -> None:
    with pytest.raises(InvalidInput):
        Predictor(bundle).predict(png(photograph(1))[:200])


def test_the_room_needs_neither_keras_nor_flask_and_is_quiet(bundle: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from app.inference import limit_threads\n"
        "from app.inference.predictor import Predictor; limit_threads(); Predictor(Path(sys.argv[1]))\n"
        "known = {'keras', 'tensorflow', 'torch', 'flask', 'celery', 'sqlalchemy', 'sklearn', 'scipy', 'pandas'}\n"
        "print(sorted(known & set(sys.modules)), sorted(m for m in sys.modules if m.startswith('app.')))"
    )
    process = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(bundle)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded, packages = process.stdout.split("] [")
    assert loaded == "["
    assert {name.split(".")[1] for name in packages.strip("]'\n").split("', '")} == {
        "classifiers",
        "errors",
        "faults",
        "inference",
    }
    assert process.stderr == ""
