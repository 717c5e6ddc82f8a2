from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.classifiers.spec import Preprocessing
from app.errors import InvalidInput
from app.inference.arrays import Pixels
from app.inference.image.decode import decode
from app.inference.image.preprocess import find_retina, preprocess

Crop = Literal["retina", "center", "pad", "stretch"]
CROPS: tuple[Crop, ...] = ("retina", "center", "pad", "stretch")


def fundus(width: int, height: int, radius: float, bright: float = 160, noise: float = 2) -> Pixels:
    """A disc with vessels in the middle of a black frame, which cuts it where the radius is large."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:height, :width]
    distance = np.hypot(y - height / 2, x - width / 2)
    vessels = 0.15 * np.sin(x / (0.06 * radius)) * np.sin(y / (0.09 * radius))
    light = bright * (0.8 + vessels) * (1 - 0.4 * (distance / radius) ** 2) * (distance < radius)
    image = light[..., None] * np.array([1, 0.55, 0.3]) + np.abs(rng.normal(0, noise, (height, width, 1)))
    return np.asarray(image.clip(0, 255), np.uint8)


@pytest.mark.parametrize(("bright", "noise"), [(200, 0), (160, 6), (40, 3)])
def test_the_retina_is_found_also_in_noise_and_the_dark(bright: float, noise: float) -> None:
    rows, columns = find_retina(fundus(900, 600, 250, bright, noise))
    for found, expected in ((rows, (50, 550)), (columns, (200, 700))):
        assert expected[0] - 14 <= found.start <= expected[0] + 2
        assert expected[1] - 2 <= found.stop <= expected[1] + 14


def test_a_retina_cut_by_the_frame_keeps_its_whole_width() -> None:
    square = preprocess(fundus(900, 500, 350), Preprocessing(crop="retina", size=140))
    lit = square.max(axis=2) > 12
    assert lit.any(axis=0).all()  # it fills the width, 700 of 900 pixels
    assert 97 <= lit.any(axis=1).sum() <= 102  # and the height keeps its proportion: 500 / 700


def test_a_label_in_the_surround_is_not_taken_for_the_retina() -> None:
    image = fundus(900, 600, 250)
    image[530:, :80] = 255
    assert find_retina(image)[1].start >= 180


def test_a_scratch_across_the_surround_is_not_taken_for_the_retina() -> None:
    image = fundus(900, 600, 250)
    image[300:302] = 255
    assert find_retina(image)[1].start >= 180


def test_a_retina_that_fades_towards_its_rim_is_kept_whole() -> None:
    y, x = np.mgrid[:600, :900]
    distance = np.hypot(y - 300, x - 450) / 250
    light = np.where(distance < 1, 200 * (1 - 0.85 * distance**2), 2)
    rows, columns = find_retina(np.repeat(light[..., None], 3, axis=2).astype(np.uint8))
    assert rows.stop - rows.start >= 496
    assert columns.stop - columns.start >= 496


@pytest.mark.parametrize(
    "image",
    [np.zeros((80, 120, 3), np.uint8), fundus(120, 80, 400), fundus(120, 80, 30, bright=6, noise=0)],
    ids=["black", "tight crop", "next to nothing"],
)
def test_without_a_dark_surround_all_of_the_image_is_kept(image: Pixels) -> None:
    assert find_retina(image) == (slice(0, 80), slice(0, 120))
    whole = Preprocessing(crop="pad", size=64)
    assert (preprocess(image, Preprocessing(crop="retina", size=64)) == preprocess(image, whole)).all()


def test_crops_treat_a_wide_image_each_in_its_way() -> None:
    stripes = np.zeros((100, 200, 3), np.uint8)
    stripes[:, 50:150] = 100  # what center keeps
    center, pad, stretch = (
        preprocess(stripes, Preprocessing(crop=crop, size=50)) for crop in ("center", "pad", "stretch")
    )
    assert (center == 100).all()
    assert not pad[:12].any()
    assert not pad[38:].any()
    assert (pad[13:37, 14:36] == 100).all()
    assert (stretch[:, 14:36] == 100).all()
    assert not stretch[:, :11].any()


@pytest.mark.parametrize("crop", CROPS)
def test_a_reduced_decode_gives_the_square_of_a_full_one(crop: Crop) -> None:
    bgr = np.ascontiguousarray(fundus(1200, 800, 380)[..., ::-1])
    data = cv2.imencode(".jpg", bgr)[1].tobytes()
    spec = Preprocessing(crop=crop, size=128)
    reduced, full = decode(data, min_side=spec.size), decode(data)
    assert reduced.pixels.shape[0] == 200
    assert full.pixels.shape[0] == 800
    difference = np.abs(preprocess(reduced.pixels, spec).astype(int) - preprocess(full.pixels, spec))
    assert difference.mean() < 1
    assert np.percentile(difference, 99) <= 6


@settings(max_examples=60, deadline=None)
@given(
    crop=st.sampled_from(CROPS),
    size=st.integers(32, 96),
    width=st.integers(1, 700),
    height=st.integers(1, 700),
    seed=st.integers(0, 99),
)
def test_any_shape_becomes_a_square(crop: Crop, size: int, width: int, height: int, seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 1 + 255 * (seed % 2), (height, width, 3), np.uint8)
    square = preprocess(image, Preprocessing(crop=crop, size=size))
    assert square.shape == (size, size, 3)
    assert square.dtype == np.uint8
    assert square.flags.c_contiguous


@pytest.mark.parametrize("shape", [(1, 20_000, 3), (20_000, 1, 3)])
def test_a_line_becomes_a_square(shape: tuple[int, ...]) -> None:
    for crop in CROPS:
        assert preprocess(np.full(shape, 90, np.uint8), Preprocessing(crop=crop, size=32)).shape == (32, 32, 3)


def test_the_input_is_left_as_it_was() -> None:
    image = fundus(64, 64, 25)
    before = image.copy()
    for crop in CROPS:
        preprocess(image, Preprocessing(crop=crop, size=64))[:] = 7
    assert (image == before).all()


def test_subtracting_the_local_average_takes_the_light_away_and_keeps_the_vessels() -> None:
    image = fundus(400, 400, 190, noise=0)
    darker = np.asarray(image * 0.7, np.uint8)
    spec = Preprocessing(crop="pad", size=200, contrast="local_average")
    inside = slice(60, 140)
    plain, even, dim = preprocess(image, Preprocessing(size=200)), preprocess(image, spec), preprocess(darker, spec)
    assert abs(even[inside, inside].mean() - 128) < 8
    assert np.abs(dim[inside, inside].astype(int) - even[inside, inside]).mean() < 12
    assert even[inside, inside].std() > 1.5 * plain[inside, inside].std(axis=(0, 1)).min()
    assert not even[:4, :4].any()  # the surround stays black


def test_clahe_raises_the_contrast_of_a_dull_photograph_and_keeps_its_colour() -> None:
    dull = fundus(400, 400, 190, bright=60, noise=0)
    plain = preprocess(dull, Preprocessing(size=200))
    clear = preprocess(dull, Preprocessing(size=200, contrast="clahe"))
    assert clear[60:140, 60:140, 0].std() > 1.3 * plain[60:140, 60:140, 0].std()
    mean = clear[60:140, 60:140].mean(axis=(0, 1))
    assert mean[0] > mean[1] > mean[2]


@pytest.mark.parametrize("contrast", ["none", "clahe", "local_average"])
def test_a_flat_square_stays_flat(contrast: Literal["none", "clahe", "local_average"]) -> None:
    square = preprocess(np.full((90, 120, 3), 90, np.uint8), Preprocessing(crop="center", size=64, contrast=contrast))
    assert np.ptp(square, axis=(0, 1)).max() == 0


def test_a_missing_size_is_named() -> None:
    with pytest.raises(InvalidInput, match="no size"):
        preprocess(fundus(64, 64, 25), Preprocessing())
