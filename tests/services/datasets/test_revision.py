"""The figures of a dataset are computed again when it has changed, and only then."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.drawing import draw
from app.services.datasets import versions
from app.services.datasets.intake import LabelledImage
from app.services.wiring import Services
from app.store.db import db
from app.store.tables import Image, NearDuplicate

PAIR = {"similarity": 1.0, "unmoved": 1.0, "turn": 0.0, "mirrored": False}


def test_a_dataset_is_divided_once_until_it_changes(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    divided = 0
    divide = versions.divide

    def counted(*given: object) -> versions.Division:
        nonlocal divided
        divided += 1
        return divide(*given)  # type: ignore[arg-type]

    def figures() -> list[object]:
        dataset = services.charts.figures("cat_dog")["dataset"]
        return [services.datasets.summary("cat_dog")["images"], services.datasets.summary("cat_dog")["counts"], dataset]

    def add(seed: int, split: str | None = None) -> None:
        image = LabelledImage(draw("cat_face", seed, 64).jpeg(), f"cat.{seed}.jpg", "cat", split)  # type: ignore[arg-type]
        services.intake.add(services.catalog["cat_dog"], image)

    def pair() -> None:
        first, second = sorted(db.session.scalars(select(Image.sha256)))
        db.session.add(NearDuplicate(classifier="cat_dog", first=first, second=second, **PAIR))
        db.session.commit()

    monkeypatch.setattr(versions, "divide", counted)
    for number, change in enumerate((lambda: add(1), lambda: add(2), lambda: add(2, "test"), pair), start=1):
        before = figures() if number == 1 else None
        change()
        found = figures()
        assert found == figures() != before
        assert divided == number + 1
    assert found[:2] == [2, {"train": {}, "val": {}, "test": {"cat": 2}}]  # they show the same
