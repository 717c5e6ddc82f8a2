from __future__ import annotations

from pathlib import Path

import cv2
import pytest
from bundle_maker import make_shared_bundle

from app.drawing import draw
from app.errors import InvalidInput
from app.inference import photograph as module
from app.inference.body import Body
from app.inference.image.decode import Decoded, decode
from app.inference.photograph import Photograph
from app.inference.predictor import Predictor

LARGE = draw("fundus_normal", 1, 512).jpeg()


@pytest.fixture
def decodings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The smallest sides that were asked for of each decoding."""
    asked: list[int] = []

    def counting(data: bytes, min_side: int) -> Decoded:
        asked.append(min_side)
        return decode(data, min_side)

    monkeypatch.setattr(module, "decode", counting)
    return asked


def test_it_is_decoded_once_for_each_scale(decodings: list[int]) -> None:
    photograph = Photograph(LARGE)
    for side in (128, 100, 64, 128, 65):  # a quarter of 512 pixels, but for 64, for which an eighth will do
        expected = decode(LARGE, side)
        assert (photograph.decoded(side).pixels == expected.pixels).all()
    assert decodings == [128, 64]


def test_a_format_without_scales_is_decoded_once(decodings: list[int]) -> None:
    photograph = Photograph(cv2.imencode(".png", draw("fundus_normal", 1, 512).image)[1].tobytes())
    assert photograph.decoded(64) is photograph.decoded(256)
    assert len(decodings) == 1


def test_what_cannot_be_decoded_is_refused_each_time() -> None:
    photograph = Photograph(LARGE[:200])
    for _ in range(2):
        with pytest.raises(InvalidInput):
            photograph.decoded(64)


def test_models_on_one_body_look_once_and_answer_as_they_would_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictors = []
    for seed in range(3):
        (tmp_path / str(seed)).mkdir()
        predictors.append(Predictor(make_shared_bundle(tmp_path / str(seed), seed)))
    alone = [predictor.predict(LARGE, explain=True, similar=2) for predictor in predictors]
    runs: list[object] = []
    run = Body.run
    monkeypatch.setattr(Body, "run", lambda body, batch: runs.append(body) or run(body, batch))  # type: ignore[func-returns-value]
    photograph = Photograph(LARGE)
    assert [predictor.predict(photograph, explain=True, similar=2) for predictor in predictors] == alone
    assert len(runs) == 1
    assert photograph.spared_ms > 0
    assert len({each.confidence for each in alone}) == 3
