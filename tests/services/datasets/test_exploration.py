"""What a dataset looks like: bounded, computed once for each revision, and beside the predictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.errors import InvalidInput
from app.services.datasets import exploration
from app.services.datasets.duplicates import Duplicates
from app.services.datasets.exploration import Exploration
from app.services.wiring import Services
from app.store.db import db
from app.store.tables import Image
from app.training.progress import silent

NAME = "cat_dog"


class Spare:
    """A runner that does the work at once, and counts."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(
        self, compute: Callable[[], Any], then: Callable[[Any], None], *, spare: bool = False
    ) -> Callable[[], None]:
        assert spare
        self.runs += 1
        then(compute())
        return lambda: None


@pytest.fixture
def spare() -> Spare:
    return Spare()


@pytest.fixture
def explored(services: Services, spare: Spare) -> Exploration:
    return Exploration(services.catalog, services.files, Duplicates(services.files), services.versions, spare)


def test_it_is_computed_once_for_each_revision_with_spare_time(
    services: Services, explored: Exploration, spare: Spare
) -> None:
    services.datasets.synth(NAME, 12, 1, silent)
    first = explored.figures(NAME)
    assert (first["images"], first["measured"], spare.runs) == (12, 12, 1)
    assert explored.figures(NAME) is first
    services.datasets.synth(NAME, 14, 1, silent)
    assert (explored.figures(NAME)["images"], spare.runs) == (14, 2)
    light = first["measures"]["brightness"]
    assert sum(sum(each["counts"]) for each in light["classes"].values()) == 12
    assert all(0 < each["median"] < 255 for each in light["classes"].values())


def test_samples_are_spread_over_a_dataset_of_any_size(
    services: Services, explored: Exploration, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.datasets.synth(NAME, 40, 1, silent)
    monkeypatch.setattr(exploration, "MEASURED", 10)
    monkeypatch.setattr(exploration, "SAMPLES", 3)
    found = explored.figures(NAME)
    assert (found["images"], found["measured"]) == (40, 10)
    assert {name: len(some) for name, some in found["samples"].items()} == {"cat": 3, "dog": 3}
    files = [row.filename for row in db.session.query(Image).order_by(Image.id)]
    places = [files.index(sample["file"]) for sample in found["samples"]["cat"]]
    assert places[0] < 10 < places[1] < 28 <= places[2] + 4


def test_an_error_among_the_images_is_that_of_the_call(services: Services, explored: Exploration) -> None:
    with pytest.raises(InvalidInput, match="no images yet"):
        explored.figures(NAME)
    services.datasets.synth(NAME, 4, 1, silent)
    for each in services.files.stored():
        services.files.place(each.sha256).write_bytes(b"damaged")
    with pytest.raises(InvalidInput):
        explored.figures(NAME)
