"""What an audit of labels sees by: only a network that was not trained on those labels."""

from __future__ import annotations

import json
import shutil

import pytest

from app.classifiers.card import CARD_NAME
from app.drawing import draw
from app.services.datasets.embedding import Embedding
from app.services.wiring import Services
from app.training.progress import silent


@pytest.mark.parametrize(("mode", "sees"), [("head", True), ("full", False)])
def test_a_network_that_learned_the_labels_does_not_judge_them(services: Services, mode: str, sees: bool) -> None:
    registry = services.registry
    folder = registry.root / "cat_dog" / "2"
    shutil.copytree(registry.folder("cat_dog", 1), folder)
    card = json.loads((folder / CARD_NAME).read_text())
    (folder / CARD_NAME).write_text(json.dumps(card | {"demo": False, "mode": mode, "backbone": "mobilenetv2"}))
    registry.adopt("cat_dog")
    registry.move("cat_dog", "champion", 2, "test")
    hashes = [services.files.put(draw("cat_face", seed, 96).jpeg()) for seed in range(2)]
    found = Embedding(services.files, registry).embed("cat_dog", hashes, silent)
    assert (found is not None) == sees
    if found is not None:
        assert len(found[0]) == 2
