from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from app.drawing import draw
from app.errors import InvalidInput, Unavailable
from app.inference.arrays import Floats, Integers, Pixels
from app.inference.image.appearance import describe
from app.inference.novelty import APPEARANCE, EMBEDDING, Mahalanobis, Novelty


def embeddings(n: int, d: int, seed: int, shift: float = 0) -> tuple[Floats, Integers]:
    """Two classes on a plane of few dimensions, in a space of many."""
    rng = np.random.default_rng(seed)
    axes = np.random.default_rng(0).normal(0, 1, (6, d))
    labels = np.arange(n) % 2
    inner = rng.normal(0, 1, (n, 6))
    inner[:, 0] += 6 * labels
    return inner @ axes + rng.normal(0, 0.3, (n, d)) + shift, labels


@pytest.mark.parametrize(("n", "d"), [(400, 64), (60, 1280)])
def test_strangers_are_far_also_with_fewer_images_than_dimensions(n: int, d: int) -> None:
    novelty = Mahalanobis.fit(*embeddings(n, d, seed=1))
    threshold = np.quantile(novelty.distance(embeddings(200, d, seed=2)[0]), 0.95)
    fresh = novelty.distance(embeddings(200, d, seed=3)[0])
    strangers = novelty.distance(embeddings(200, d, seed=4, shift=1.5)[0])
    assert (fresh > threshold).mean() < 0.12
    assert (strangers > threshold).mean() > 0.95


def test_the_distance_is_that_of_the_full_covariance_where_it_is_known() -> None:
    rng = np.random.default_rng(0)
    spread = np.array([4.0, 2.0, 1.0])
    points = rng.normal(0, 1, (20_000, 3)) * spread
    query = np.array([[4.0, 0, 0], [0, 2, 0], [0, 0, 1], [8, 4, 2]])
    expected = np.sqrt(((query / spread) ** 2).sum(axis=1) / 3)
    assert Mahalanobis.fit(points, np.zeros(20_000, int)).distance(query) == pytest.approx(expected, rel=0.03)


def test_a_point_between_the_classes_is_farther_than_one_in_either() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 2
    points = rng.normal(0, 1, (400, 4)) + 20 * labels[:, None]
    first, middle, second = Mahalanobis.fit(points, labels).distance(np.array([[0.0] * 4, [10.0] * 4, [20.0] * 4]))
    assert middle > 5 * max(first, second)


def test_it_survives_a_file_that_stays_small(tmp_path: Path) -> None:
    data, labels = embeddings(300, 1280, seed=1)
    views = {EMBEDDING: data, APPEARANCE: data[:, :30]}
    rows = np.arange(300)
    novelty, _ = Novelty.fit(views, labels, [(rows[:200], rows[200:])], rows)
    path = tmp_path / "novelty.npz"
    novelty.save(path)
    assert path.stat().st_size < 150_000
    assert (Novelty.load(path).score(views) == novelty.score(views)).all()


def test_the_file_of_an_older_bundle_judges_the_embedding_alone(tmp_path: Path) -> None:
    data, labels = embeddings(100, 8, seed=1)
    distance = Mahalanobis.fit(data, labels)
    arrays = distance.arrays()
    del arrays["scales"]
    np.savez_compressed(tmp_path / "novelty.npz", **arrays)  # type: ignore[arg-type]  # numpy's stubs
    novelty = Novelty.load(tmp_path / "novelty.npz")
    assert novelty.views == (EMBEDDING,)
    assert (novelty.score({EMBEDDING: data}) == distance.distance(data)).all()


def test_a_photograph_is_new_by_what_it_shows_or_by_how_it_looks() -> None:
    data, labels = embeddings(600, 12, seed=1)
    looks = np.random.default_rng(2).normal(0, [1.0, 20.0, 0.1], (600, 3))
    rows = np.arange(600)
    views = {EMBEDDING: data, APPEARANCE: looks}
    novelty, threshold = Novelty.fit(views, labels, [(rows[:300], rows[300:450])], rows[:450])
    assert 0.01 < (novelty.score({name: each[450:] for name, each in views.items()}) > threshold).mean() < 0.12
    for name, shift in ((EMBEDDING, 40.0), (APPEARANCE, 1.0)):  # ten deviations of the narrowest dimension
        assert (novelty.score(views | {name: views[name] + shift}) > threshold).mean() > 0.95


def test_the_appearance_tells_a_blurred_and_a_darker_picture_from_the_original() -> None:
    def looks(change: Callable[[Pixels], Any]) -> Floats:
        return np.stack([describe(change(draw("fundus_normal", seed, 96).image)) for seed in range(100)])

    plain = looks(lambda image: image)
    distance = Mahalanobis.fit(plain[:60], np.zeros(60, int), scaled=True)
    limit = np.percentile(distance.distance(plain[60:]), 90)
    for change in (lambda image: cv2.GaussianBlur(image, (0, 0), 3), lambda image: image // 3):
        assert (distance.distance(looks(change)) > limit).mean() > 0.95


def test_pictures_without_anything_in_them_can_be_described() -> None:
    for level in (0, 255):
        assert np.isfinite(describe(np.full((64, 64, 3), level, np.uint8))).all()


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04broken"])
def test_a_broken_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "novelty.npz"
    path.write_bytes(content)
    with pytest.raises(Unavailable, match=r"novelty\.npz"):
        Novelty.load(path)


def test_constant_embeddings_give_finite_distances() -> None:
    distances = Mahalanobis.fit(np.ones((10, 8)), np.zeros(10, int)).distance(np.array([[1.0] * 8, [2.0] * 8]))
    assert distances[0] == 0
    assert np.isfinite(distances[1])
    assert distances[1] > 100


def test_too_few_images_are_refused() -> None:
    with pytest.raises(InvalidInput, match="at least two"):
        Novelty.fit({EMBEDDING: np.ones((1, 4))}, np.zeros(1, int), [], np.zeros(1, int))
