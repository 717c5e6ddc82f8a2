"""How a classifier's own division is honoured."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml

from app.classifiers import Catalog
from app.services.datasets.versions import Division, divide
from app.services.wiring import Services
from app.store.tables import Image

GROUPS = 2000


def spec_of(folder: Path, split: object) -> Catalog:
    (folder / "shapes.yaml").write_text(
        yaml.safe_dump(
            {
                "name": "shapes",
                "title": "Shapes",
                "description": "Tells round from square.",
                "classes": [{"name": "round", "title": "Round"}, {"name": "square", "title": "Square"}],
                "split": split,
            }
        )
    )
    return Catalog(folder)


def rows(count: int) -> list[Image]:
    """Three images of each patient."""
    return [
        Image(classifier="shapes", sha256=f"{n:064}", filename=f"{n}.jpg", label=("round", "square")[n // 3 % 2],
              group=f"p{n // 3}", source="test", split=None, used=None)
        for n in range(3 * count)
    ]  # fmt: skip


def shares(divided: Division) -> list[float]:
    found = Counter(sample.split for sample in divided.samples)
    return [found[split] / found.total() for split in ("train", "val", "test")]


def test_a_classifier_gets_its_own_division_of_whole_patients(services: Services, tmp_path: Path) -> None:
    divided = divide(spec_of(tmp_path, "80/20")["shapes"], rows(GROUPS), [], services.files, {})
    assert shares(divided) == pytest.approx([0.8, 0.1, 0.1], abs=0.03)
    splits = {(sample.group, sample.split) for sample in divided.samples}
    assert len(splits) == GROUPS


def test_another_division_is_for_patients_that_join_later(services: Services, tmp_path: Path) -> None:
    images = rows(GROUPS)
    before = divide(spec_of(tmp_path, "80/20")["shapes"], images, [], services.files, {})
    decided = {sample.sha256: sample.split for sample in before.samples}
    for row in images:
        row.used = decided[row.sha256]
    joined = [*images, *rows(2 * GROUPS)[3 * GROUPS :]]
    after = divide(spec_of(tmp_path, "50/50")["shapes"], joined, [], services.files, {})
    found = {sample.sha256: sample.split for sample in after.samples}
    assert {sha256: found[sha256] for sha256 in decided} == decided
    new = [sample for sample in after.samples if sample.sha256 not in decided]
    assert Counter(sample.split for sample in new)["train"] / len(new) == pytest.approx(0.5, abs=0.04)
