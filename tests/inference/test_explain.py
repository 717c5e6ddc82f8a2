from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from app.classifiers.spec import Preprocessing
from app.inference.arrays import Pixels
from app.inference.explain import LONGER_SIDE, heat, layer
from app.inference.image.preprocess import preprocess, shown

WHOLE = (0.0, 0.0, 1.0, 1.0)


def one_hot(row: int, column: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    activation = np.full((7, 7), -2, np.float32)
    activation[row, column] = 3
    return activation


@pytest.mark.parametrize(("row", "column"), [(0, 0), (2, 5), (6, 3)])
def test_the_hottest_point_is_the_centre_of_the_cell_with_the_strongest_evidence(row: int, column: int) -> None:
    found = heat(one_hot(row, column), WHOLE, 70, 70)
    y, x = np.unravel_index(found.argmax(), found.shape)
    assert found.shape == (70, 70)
    assert abs(y + 0.5 - 10 * (row + 0.5)) <= 1
    assert abs(x + 0.5 - 10 * (column + 0.5)) <= 1
    assert found.max() == 1


def test_a_large_photograph_gets_a_small_layer_of_its_proportions() -> None:
    assert heat(one_hot(3, 3), WHOLE, 4288, 2848).shape == (round(2848 * LONGER_SIDE / 4288), LONGER_SIDE)


def photograph(x: int, y: int) -> Pixels:
    """A red disc on black, off the middle, with a white spot at (x, y)."""
    image = np.zeros((300, 500, 3), np.uint8)
    cv2.circle(image, (280, 140), 120, (180, 60, 40), -1)
    cv2.circle(image, (x, y), 6, (255, 255, 255), -1)
    return image


@pytest.mark.parametrize("crop", ["retina", "center", "pad", "stretch"])
@pytest.mark.parametrize("spot", [(230, 90), (330, 200)])
def test_the_layer_lies_where_the_evidence_lay_in_the_photograph(crop: str, spot: tuple[int, int]) -> None:
    image = photograph(*spot)
    spec = Preprocessing.model_validate({"crop": crop, "size": 128})
    square = preprocess(image, spec)
    blue = square[..., 2].astype(np.float32)
    activation = np.asarray(cv2.resize(blue, (32, 32), interpolation=cv2.INTER_AREA), np.float32)
    found = heat(activation, shown(image, spec), 500, 300)
    y, x = np.unravel_index(found.argmax(), found.shape)
    scale = 500 / LONGER_SIDE
    assert np.hypot((x + 0.5) * scale - spot[0], (y + 0.5) * scale - spot[1]) < 10


def test_what_the_network_did_not_see_is_cold() -> None:
    image = np.full((100, 300, 3), 90, np.uint8)
    found = heat(np.ones((4, 4)), shown(image, Preprocessing(crop="center", size=64)), 300, 100)
    assert (found[:, 101:199] > 0.99).all()
    assert not found[:, :99].any()
    assert not found[:, 201:].any()


def test_the_black_surround_of_a_retina_is_cold_and_a_dark_spot_in_it_is_not() -> None:
    image = photograph(0, 0)
    cv2.circle(image, (300, 150), 3, (4, 2, 2), -1)
    found = heat(np.ones((4, 4)), WHOLE, 500, 300, image)
    scale = 500 / LONGER_SIDE
    assert found[round(150 / scale), round(300 / scale)] > 0.999
    assert not found[-20:, :20].any()
    assert not found[:20, -20:].any()
    assert heat(np.ones((4, 4)), WHOLE, 500, 300).all()


def test_the_layer_is_red_where_the_evidence_is_and_clear_elsewhere() -> None:
    with Image.open(io.BytesIO(layer(heat(one_hot(2, 5), WHOLE, 70, 70)))) as png:
        assert png.mode == "RGBA"
        picture = np.asarray(png).astype(int)
    red, _, blue, opacity = picture[25, 55]
    assert red > blue + 50
    assert opacity > 250
    assert picture[60, 10, 3] == 0


def test_an_image_without_evidence_gets_a_clear_layer() -> None:
    with Image.open(io.BytesIO(layer(heat(np.full((7, 7), -1.0), WHOLE, 70, 50)))) as png:
        assert png.size == (70, 50)
        assert not np.asarray(png)[..., 3].any()
