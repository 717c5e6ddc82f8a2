from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from app.inference.explain import hottest, overlay

GREY = np.full((70, 70, 3), 100, np.uint8)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (2, 5), (6, 3)])
def test_the_hottest_point_lies_in_the_cell_with_the_strongest_evidence(row: int, column: int) -> None:
    activation = np.zeros((7, 7), np.float32)
    activation[row, column] = 3
    x, y = hottest(activation, 70)
    assert (y // 10, x // 10) == (row, column)


def test_the_overlay_is_red_where_the_evidence_is_and_pale_elsewhere() -> None:
    activation = np.full((7, 7), -2, np.float32)
    activation[2, 5] = 3
    picture = np.asarray(Image.open(io.BytesIO(overlay(GREY, activation)))).astype(int)
    assert picture.shape == (70, 70, 3)
    red, _, blue = picture[25, 55]
    assert red > blue + 50
    assert np.abs(picture[60, 10] - 100).max() <= 1


def test_an_image_without_evidence_is_shown_as_it_is() -> None:
    picture = np.asarray(Image.open(io.BytesIO(overlay(GREY, np.full((7, 7), -1.0)))))
    assert np.abs(picture.astype(int) - GREY).max() <= 1
