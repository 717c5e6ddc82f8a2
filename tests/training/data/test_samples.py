"""The images of a training run: what is varied, and when."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from app.classifiers.spec import Preprocessing
from app.drawing import draw
from app.inference.arrays import Pixels
from app.inference.image.preprocess import preprocess
from app.training.data.samples import LazySquares, Sample, read_images
from app.training.progress import silent

ROWS = np.array([2, 0])


def darker(square: Pixels) -> Pixels:
    return np.asarray(square // 2, np.uint8)


@pytest.mark.parametrize("contrast", ["local_average", "clahe", "none"])
def test_images_are_varied_before_their_contrast_is_normalised(contrast: str, tmp_path: Path) -> None:
    """So that a network learns from what it will be shown: the normalised form of other photographs."""
    spec = Preprocessing.model_validate({"crop": "stretch", "contrast": contrast, "size": 64})
    samples, photographs = [], [draw("fundus_normal", seed, 64).image for seed in range(3)]
    for number, photograph in enumerate(photographs):
        path = tmp_path / f"{number}.png"
        cv2.imwrite(str(path), photograph[..., ::-1])
        samples.append(Sample(path, f"{number:064x}", "a", "train", str(number)))
    kept = read_images(samples, ["a"], spec, tmp_path, silent).squares
    for squares in (kept, LazySquares(samples, spec)):
        expected = np.stack([preprocess(darker(photographs[row]), spec) for row in ROWS])
        assert np.array_equal(squares.varied(ROWS, darker), expected)
        assert np.array_equal(squares[ROWS], np.stack([preprocess(photographs[row], spec) for row in ROWS]))
        if contrast != "none":
            assert not np.array_equal(expected, darker(squares[ROWS]))  # what was shown before
