from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.errors import InvalidInput, Unavailable
from app.inference.arrays import Floats, Integers
from app.inference.novelty import Novelty


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
    novelty = Novelty.fit(*embeddings(n, d, seed=1))
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
    assert Novelty.fit(points, np.zeros(20_000, int)).distance(query) == pytest.approx(expected, rel=0.03)


def test_a_point_between_the_classes_is_farther_than_one_in_either() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 2
    points = rng.normal(0, 1, (400, 4)) + 20 * labels[:, None]
    first, middle, second = Novelty.fit(points, labels).distance(np.array([[0.0] * 4, [10.0] * 4, [20.0] * 4]))
    assert middle > 5 * max(first, second)


def test_it_survives_a_file_that_stays_small(tmp_path: Path) -> None:
    data, labels = embeddings(300, 1280, seed=1)
    novelty = Novelty.fit(data, labels)
    path = tmp_path / "novelty.npz"
    novelty.save(path)
    assert path.stat().st_size < 150_000
    assert (Novelty.load(path).distance(data) == novelty.distance(data)).all()


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04broken"])
def test_a_broken_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "novelty.npz"
    path.write_bytes(content)
    with pytest.raises(Unavailable, match=r"novelty\.npz"):
        Novelty.load(path)


def test_constant_embeddings_give_finite_distances() -> None:
    distances = Novelty.fit(np.ones((10, 8)), np.zeros(10, int)).distance(np.array([[1.0] * 8, [2.0] * 8]))
    assert distances[0] == 0
    assert np.isfinite(distances[1])
    assert distances[1] > 100


def test_too_few_images_are_refused() -> None:
    with pytest.raises(InvalidInput, match="at least two"):
        Novelty.fit(np.ones((1, 4)), np.zeros(1, int))
