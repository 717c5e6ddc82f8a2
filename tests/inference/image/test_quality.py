from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from app.inference.arrays import Pixels
from app.inference.image import quality
from app.inference.image.quality import Reference, assess, measure

Change = Callable[[Pixels], Pixels]


def photograph(seed: int) -> Pixels:
    """Textured disc on black, its brightness different in every photograph."""
    rng = np.random.default_rng(seed)
    texture = cv2.resize(rng.normal(0, 1, (40, 40)), (128, 128), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[:128, :128]
    disc = np.hypot(y - 64, x - 64) < rng.uniform(58, 62)
    grey = (rng.uniform(95, 125) + 18 * texture + rng.normal(0, 2, (128, 128))) * disc
    return np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


@pytest.fixture(scope="module")
def reference() -> Reference:
    measures = [measure(photograph(seed)) for seed in range(200)]
    columns = {name: np.array([one[name] for one in measures]) for name in measures[0]}
    return quality.reference(columns, expect_retina=False)


def blur(image: Pixels) -> Pixels:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 4), np.uint8)


def add_noise(image: Pixels) -> Pixels:
    return (image + np.random.default_rng(0).normal(0, 25, image.shape)).clip(0, 255).astype(np.uint8)


def flatten(image: Pixels) -> Pixels:
    return np.where(image > 12, 110 + (image - 110.0) * 0.1, image).astype(np.uint8)


def cut(image: Pixels) -> Pixels:
    return image * (np.arange(128) < 70)[None, :, None].astype(np.uint8)


DEGRADATIONS: list[tuple[str, Change]] = [
    ("blurred", blur),
    ("noisy", add_noise),
    ("too dark", lambda image: image // 3),
    ("too bright", lambda image: np.asarray(cv2.convertScaleAbs(image, alpha=1.9), np.uint8)),
    ("low contrast", flatten),
    ("field cut off", cut),
]


def test_photographs_like_those_of_the_training_are_gradable(
    reference: Reference,
) -> None:
    fresh = [assess(measure(photograph(seed)), reference) for seed in range(1000, 1100)]
    assert sum(each.gradable for each in fresh) >= 95
    assert all(each.gradable == (not each.reasons) == (each.score >= 0.5) for each in fresh)


@pytest.mark.parametrize(("reason", "change"), DEGRADATIONS, ids=[reason for reason, _ in DEGRADATIONS])
def test_each_degradation_is_told_by_its_name(reason: str, change: Change, reference: Reference) -> None:
    degraded = [assess(measure(change(photograph(seed))), reference) for seed in range(1000, 1040)]
    assert sum(reason in each.reasons for each in degraded) >= 38
    assert all(0 <= each.score < 0.5 for each in degraded if each.reasons)


def test_a_little_dark_and_a_little_blurred_is_too_much(reference: Reference) -> None:
    dark = [np.asarray(photograph(seed) * 0.92, np.uint8) for seed in range(1000, 1040)]
    soft = [np.asarray(cv2.GaussianBlur(photograph(seed), (0, 0), 0.4), np.uint8) for seed in range(1000, 1040)]
    both = [np.asarray(cv2.GaussianBlur(image, (0, 0), 0.4), np.uint8) for image in dark]
    scores = [np.median([assess(measure(image), reference).score for image in each]) for each in (dark, soft, both)]
    assert scores[2] < min(scores[:2])


def test_a_missing_retina_is_told_where_one_is_expected() -> None:
    red, grey = {"redness": 0.95, "field": 0.8}, {"redness": 0.2, "field": 1.0}
    reference = {"redness": (0.8, 0.95, 1.0), "field": (0.76, 0.8, 0.84)}
    assert assess(red, reference, expect_retina=True).gradable
    assert assess(grey, reference, expect_retina=True).reasons == ("no retina found",)
    assert assess(grey, reference).gradable


def test_redness_is_the_share_of_the_field_that_is_clearly_red() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    image[:50, :80] = (150, 90, 60)
    image[:50, 60:80] = (100, 110, 90)
    assert measure(image)["redness"] == pytest.approx(0.75, abs=0.02)


@pytest.mark.parametrize("value", [0, 255])
def test_blank_images_have_finite_measures(value: int, reference: Reference) -> None:
    measures = measure(np.full((128, 128, 3), value, np.uint8))
    assert np.isfinite(list(measures.values())).all()
    assert not assess(measures, reference).gradable


def test_a_constant_measure_of_the_training_images_does_not_condemn_a_near_one() -> None:
    assert assess({"field": 0.99}, {"field": (1.0, 1.0, 1.0)}).gradable
    assert not assess({"field": 0.7}, {"field": (1.0, 1.0, 1.0)}).gradable


def test_large_squares_measure_like_small_ones() -> None:
    small = measure(np.asarray(cv2.resize(photograph(1), (256, 256)), np.uint8))
    large = measure(np.asarray(cv2.resize(photograph(1), (1024, 1024)), np.uint8))
    assert large["brightness"] == pytest.approx(small["brightness"], rel=0.02)
    assert large["field"] == pytest.approx(small["field"], rel=0.02)


def test_training_images_of_two_cameras_are_gradable_all_the_same() -> None:
    first = [measure(photograph(seed)) for seed in range(100)]
    second = [measure(np.asarray(photograph(seed) * 0.5, np.uint8)) for seed in range(100, 200)]
    columns = {name: np.array([one[name] for one in (*first, *second)]) for name in first[0]}
    found = quality.reference(columns, expect_retina=False)
    assert np.mean([assess(each, found).gradable for each in (*first, *second)]) >= 0.96
