from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.errors import Unavailable
from app.inference import similar
from app.inference.arrays import Floats
from app.inference.similar import Similar, balanced


def embeddings(n: int, d: int = 32) -> tuple[Floats, list[str]]:
    """Two classes in two directions."""
    random = np.random.default_rng(3)
    classes = np.arange(n) % 2
    return random.normal(0, 1, (n, d)) + 4 * np.eye(2, d)[classes] + 10, [
        "even" if each == 0 else "odd" for each in classes
    ]


def index(n: int) -> tuple[Similar, Floats]:
    found, labels = embeddings(n)
    return Similar.fit(found, labels, [f"{row:064x}" for row in range(n)], [f"{row}.jpg" for row in range(n)]), found


def test_an_image_of_the_training_is_nearest_to_itself_and_its_class_around_it() -> None:
    kept, found = index(60)
    for row in range(60):
        first, *others = kept.nearest(found[row], 5)
        assert (first.sha256, first.name) == (f"{row:064x}", f"{row}.jpg")
        assert first.distance == pytest.approx(0, abs=1e-3)
        distances = [each.distance for each in others]
        assert distances == sorted(distances)
        assert distances[0] > 0.05
    same = [each.label == ("even", "odd")[row % 2] for row in range(60) for each in kept.nearest(found[row], 5)]
    assert np.mean(same) > 0.9


def test_no_more_are_found_than_there_are() -> None:
    kept, found = index(3)
    assert len(kept.nearest(found[0], 20)) == 3


def test_it_survives_a_file(tmp_path: Path) -> None:
    kept, found = index(40)
    kept.save(tmp_path / "similar.npz")
    again = Similar.load(tmp_path / "similar.npz")
    assert again.nearest(found[7], 9) == kept.nearest(found[7], 9)
    assert again.find(f"{7:064x}") == "7.jpg"
    assert again.find("0" * 63 + "g") is None


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04broken"])
def test_a_broken_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "similar.npz"
    path.write_bytes(content)
    with pytest.raises(Unavailable, match=r"similar\.npz"):
        Similar.load(path)


def test_what_is_kept_is_bounded_and_balanced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similar, "KEPT", 20)
    kept, found = index(100)
    labels = [each.label for each in kept.nearest(found[0], 100)]
    assert sorted(labels) == ["even"] * 10 + ["odd"] * 10
    classes = np.array([0] * 500 + [1] * 30 + [2] * 4)
    counts = np.bincount(classes[balanced(classes, 100)])
    assert counts.tolist() == [66, 30, 4]
