from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from app.drawing import draw
from app.errors import InvalidInput
from app.inference.arrays import Pixels
from app.training.audit import fingerprints
from app.training.audit.copies import Pair, find_pairs
from app.training.progress import silent

SUBJECTS = ("fundus_normal", "fundus_glaucoma", "fundus_diabetic_retinopathy", "eye_normal", "cat_face", "dog_face")
IMAGES = [draw(subject, seed).image for subject in SUBJECTS for seed in range(5)]


def encode(image: Pixels, quality: int = 92) -> bytes:
    return cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, quality))[
        1
    ].tobytes()


def turn(image: Pixels, degrees: float, zoom: float = 1.0) -> Pixels:
    side = image.shape[0]
    matrix = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), degrees, zoom)
    return np.asarray(cv2.warpAffine(image, matrix, (side, side)), np.uint8)


def noisy(image: Pixels) -> Pixels:
    noise = np.random.default_rng(3).normal(0, 6, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "mirrored": lambda image: image[:, ::-1].copy(),
    "upside down": lambda image: image[::-1].copy(),
    "quarter turn": lambda image: np.rot90(image).copy(),
    "turned": lambda image: turn(image, 33),
    "zoomed": lambda image: turn(image, 0, 1.1),
    "darker": lambda image: (image * 0.7).astype(np.uint8),
    "noisy": noisy,
    "squashed": lambda image: np.asarray(cv2.resize(image, (200, 256), interpolation=cv2.INTER_AREA), np.uint8),
}


def pairs(files: list[bytes]) -> list[Pair]:
    return find_pairs(fingerprints.read([fingerprints.compute(data) for data in files]), np.arange(len(files)), silent)


@pytest.mark.parametrize("change", CHANGES)
def test_a_copy_is_found_however_it_was_changed_and_nothing_else(change: str) -> None:
    originals = [encode(image) for image in IMAGES]
    copies = [encode(CHANGES[change](image), 85) for image in IMAGES[:10]]
    found = {(pair.first, pair.second) for pair in pairs([*originals, *copies])}
    wanted = {tuple(sorted((row, len(originals) + row))) for row in range(len(copies))}
    found = {(min(pair), max(pair)) for pair in found}
    assert len(found & wanted) >= 9
    assert not found - wanted


def test_how_a_copy_differs_is_said() -> None:
    image = IMAGES[0]
    mirrored, turned = (
        pairs([encode(image), encode(image[:, ::-1].copy())])[0],
        pairs([encode(image), encode(turn(image, 90))])[0],
    )
    assert mirrored.mirrored
    assert mirrored.is_copy(resized=False)
    assert not turned.mirrored
    assert min(abs(turned.turn - 90), abs(turned.turn - 270)) < 5
    again = pairs([encode(image), encode(image, 60)])[0]
    assert not again.is_copy(resized=False)
    assert again.is_copy(resized=True)


@pytest.mark.parametrize("images", [[], IMAGES[:1], [np.zeros((80, 80, 3), np.uint8)] * 3])
def test_few_or_empty_images_have_no_pairs(images: list[Pixels]) -> None:
    assert pairs([encode(image) for image in images]) == []


def test_a_look_says_what_the_file_is() -> None:
    seen = fingerprints.read([fingerprints.compute(encode(np.full((120, 240, 3), 200, np.uint8)))])
    facts = dict(zip(fingerprints.FACTS, seen["facts"][0], strict=True))
    assert (facts["width"], facts["height"], facts["aspect"], facts["border"]) == (240, 120, 2, 0)
    assert facts["red"] == pytest.approx(200, abs=2)
    with pytest.raises(InvalidInput):
        fingerprints.compute(b"no image")
