"""Does the quality score know a poor photograph? `python -m benchmarks.quality <data>`.

First against damage done on purpose, at five strengths, then against the EyeQ labels (good, usable, reject) of EyePACS
photographs. The reference is what the training images of the classifier look like, as in a model's card; no
patient is both in it and tested. `<data>` is a folder of photographs of diabetic retinopathy, as the classifier reads
it.
"""

from __future__ import annotations

import argparse
import csv
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from app.classifiers import Catalog, ClassifierSpec
from app.drawing import draw
from app.inference.arrays import Floats, Pixels
from app.inference.image.quality import Quality, Reference, assess, measure, reference
from app.training.data.samples import read_square
from benchmarks import photographs

CLASSIFIER, SIZE = "diabetic_retinopathy", 224
STRENGTHS = (1, 2, 3, 4, 5)
TABLE = "Label_EyeQ_train.csv"
LIKED, REJECTED, UNLABELLED = (0, 1), 2, -1  # EyeQ: 0 good, 1 usable, 2 reject
FOLDS, RESAMPLES, SEED = 5, 1000, 2024
Measures = dict[str, float]
Booleans = NDArray[np.bool_]
Words = NDArray[np.str_]


def blur(square: Pixels, strength: int) -> Pixels:
    """Out of focus: a Gaussian of 0.5 to 2.5 % of the side."""
    return np.asarray(cv2.GaussianBlur(square, (0, 0), 0.005 * strength * square.shape[0]), np.uint8)


def scale(square: Pixels, gain: float, offset: float = 0.0) -> Pixels:
    """Another exposure; the surround stays black."""
    changed = np.clip(square * gain + offset, 0, 255)
    return np.where(square.max(axis=2, keepdims=True) > 12, changed, square).astype(np.uint8)


def cut(square: Pixels, strength: int) -> Pixels:
    """Cut 10 to 50 % of the field off, at one side."""
    kept = square.copy()
    kept[:, round(square.shape[1] * (1 - 0.1 * strength)) :] = 0
    return kept


def strange(square: Pixels, strength: int) -> Pixels:
    """Another scene in place of 20 to 100 % of the retina's light."""
    other = draw("cat_face" if square.sum() % 2 else "dog_face", int(square.sum()) % 1000, square.shape[0]).image
    return np.asarray(cv2.addWeighted(square, 1 - 0.2 * strength, other, 0.2 * strength, 0), np.uint8)


DAMAGE: Mapping[str, Callable[[Pixels, int], Pixels]] = {
    "blur": blur,
    "dark": lambda square, strength: scale(square, 0.75**strength),
    "bright": lambda square, strength: scale(square, 1.0, 25.0 * strength),
    "low contrast": lambda square, strength: scale(square, 0.75**strength, float(square.mean()) * (1 - 0.75**strength)),
    "field cut off": cut,
    "no retina": strange,
}


def main() -> None:
    """Measure and print Markdown tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder of photographs of diabetic retinopathy")
    folder = parser.parse_args().data
    spec = Catalog()[CLASSIFIER]
    _damaged(spec, folder)
    for table in sorted(folder.rglob(TABLE)):
        _labelled(spec, table)


def _damaged(spec: ClassifierSpec, folder: Path) -> None:
    """Print the AUROC against each damage, and how many were called ungradable."""
    samples = photographs.divided(spec, folder)
    squares = {split: [_square(s.path, spec) for s in samples if s.split == split] for split in ("train", "test")}
    reference = _reference([measure(square) for square in squares["train"]])
    whole = [_judge(measure(square), reference) for square in squares["test"]]
    print(f"{len(whole)} test images, {_flagged(whole):.2f} of them called ungradable as they are\n")
    print(f"| damage | {' | '.join(f'strength {each}' for each in STRENGTHS)} |\n| --- |{' ---: |' * len(STRENGTHS)}")
    for name, change in DAMAGE.items():
        cells = []
        for strength in STRENGTHS:
            poor = [_judge(measure(change(square, strength)), reference) for square in squares["test"]]
            cells.append(f"{_auroc(_scores(whole), _scores(poor)):.3f} ({_flagged(poor):.2f})")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _labelled(spec: ClassifierSpec, table: Path) -> None:
    """Print a table: how well the score tells the photographs that the labels reject, over folds by patient.

    The reference is what the training images look like, first all but the rejected, as a model's card has it, then
    those alone that are labelled good or usable. Two halves of the patients show how far so few
    images carry; candidates for the measures were compared on both, so neither is untouched.
    """
    with table.open(newline="") as stream:
        labels = {Path(row["image"]).stem: int(row["quality"]) for row in csv.DictReader(stream)}
    paths = sorted(path for path in table.parent.rglob("*") if path.suffix in (".jpg", ".jpeg", ".png"))
    found = [measure(_square(path, spec)) for path in paths]
    grades = np.array([labels.get(path.stem, UNLABELLED) for path in paths])
    patients = np.array([path.stem.partition("_")[0] for path in paths])
    second = np.array([zlib.crc32(each.encode()) % 2 == 1 for each in patients])
    heads = ("good", "usable", "rejected", "AUROC", "rejected, at 5 % of the good")
    print(f"\n| reference | patients | {' | '.join(heads)} |\n| --- | --- |{' ---: |' * len(heads)}")
    for title, known in {"all but rejected": grades != REJECTED, "good or usable": np.isin(grades, LIKED)}.items():
        judged = _judged(found, known, patients)
        for half, rows in {"first half": ~second, "second half": second}.items():
            good, usable, poor = ([judged[row] for row in np.flatnonzero(rows & (grades == each))] for each in range(3))
            liked, rejected = _scores([*good, *usable]), _scores(poor)
            low, high = _interval(liked, rejected)
            limit = np.percentile(_scores(good), 5)
            flagged = " | ".join(f"{_flagged(each):.2f} of {len(each)}" for each in (good, usable, poor))
            auroc = f"{_auroc(liked, rejected):.3f} [{low:.3f}, {high:.3f}]"
            print(f"| {title} | {half} | {flagged} | {auroc} | {np.mean(rejected < limit):.2f} |")


def _judged(found: list[Measures], known: Booleans, patients: Words) -> list[Quality]:
    """Judge each photograph by a reference of known ones, none of them of its patient."""
    judged: dict[int, Quality] = {}
    for rows, tested in GroupKFold(FOLDS).split(found, groups=patients):
        reference = _reference([found[row] for row in rows if known[row]])
        judged |= {int(row): _judge(found[row], reference) for row in tested}
    return [judged[row] for row in range(len(found))]


def _square(path: Path, spec: ClassifierSpec) -> Pixels:
    return read_square(path, spec.preprocessing.model_copy(update={"size": SIZE, "contrast": "none"}))


def _reference(measures: list[Measures]) -> Reference:
    return reference({name: np.array([each[name] for each in measures]) for name in measures[0]}, expect_retina=True)


def _judge(measures: Measures, reference: Reference) -> Quality:
    return assess(measures, reference, expect_retina=True)


def _scores(judged: list[Quality]) -> Floats:
    return np.array([each.score for each in judged])


def _flagged(judged: list[Quality]) -> float:
    return float(np.mean([not each.gradable for each in judged]))


def _auroc(good: Floats, poor: Floats) -> float:
    return float(roc_auc_score(np.repeat([1, 0], [len(good), len(poor)]), np.concatenate([good, poor])))


def _interval(good: Floats, poor: Floats) -> tuple[float, float]:
    """At 95 %, by a bootstrap over the images."""
    random = np.random.default_rng(SEED)
    values = [_auroc(*(random.choice(each, len(each)) for each in (good, poor))) for _ in range(RESAMPLES)]
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


if __name__ == "__main__":
    main()
