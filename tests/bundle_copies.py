"""Model versions made from those that are there, without any training."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from app.classifiers.card import CARD_NAME


def add_version(models: Path, classifier: str, version: int, **changes: object) -> Path:
    """Copy version 1 as another one, with changes of its card; return its folder."""
    staged, folder = models / classifier / f".new-{version}", models / classifier / str(version)
    shutil.copytree(models / classifier / "1", staged)
    card = json.loads((staged / CARD_NAME).read_text())
    (staged / CARD_NAME).write_text(json.dumps(card | changes))
    return staged.rename(folder)


def contradict(models: Path, classifier: str, version: int) -> Path:
    """Add a version that takes each class for another one."""
    card = json.loads((models / classifier / "1" / CARD_NAME).read_text())
    classes, calibration = [*card["classes"][1:], card["classes"][0]], card["calibration"]
    calibration["bias"] = dict(zip(classes, (calibration["bias"][name] for name in card["classes"]), strict=True))
    return add_version(models, classifier, version, classes=classes, calibration=calibration)


def damage(bundle: Path) -> None:
    """Cut the networks of a bundle short."""
    for path in bundle.glob("*.onnx"):
        path.write_bytes(path.read_bytes()[:-100])
