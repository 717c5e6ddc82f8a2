"""Does the quality score know a poor photograph? `python -m benchmarks.quality <data>`.

First against damage done on purpose, at five strengths, then against the EyeQ labels (good and usable, or reject) of
EyePACS photographs. The reference is what the training images of the classifier look like, as in a model's card; no
patient is both in it and tested. `<data>` is a folder of photographs of diabetic retinopathy, as the classifier reads
it.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from app.classifiers import Catalog, ClassifierSpec
from app.drawing import draw
from app.inference.arrays import Floats, Pixels
from app.inference.quality import Quality, Reference, assess, measure, reference
from app.training.samples import read_square
from benchmarks import photographs

CLASSIFIER, SIZE = "diabetic_retinopathy", 224
STRENGTHS = (1, 2, 3, 4, 5)
TABLE = "Label_EyeQ_train.csv"
FOLDS, RESAMPLES, SEED = 5, 1000, 2024
Measures = dict[str, float]


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
    """Measure and print two Markdown tables."""
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
    looks = _reference([measure(square) for square in squares["train"]])
    whole = [_judge(measure(square), looks) for square in squares["test"]]
    print(f"{len(whole)} test images, {_flagged(whole):.2f} of them called ungradable as they are\n")
    print(f"| damage | {' | '.join(f'strength {each}' for each in STRENGTHS)} |\n| --- |{' ---: |' * len(STRENGTHS)}")
    for name, change in DAMAGE.items():
        cells = []
        for strength in STRENGTHS:
            poor = [_judge(measure(change(square, strength)), looks) for square in squares["test"]]
            cells.append(f"{_auroc(_scores(whole), _scores(poor)):.3f} ({_flagged(poor):.2f})")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _labelled(spec: ClassifierSpec, table: Path) -> None:
    """Print the AUROC against the labels of a table, over folds that part no patient."""
    with table.open(newline="") as stream:
        rejected = {Path(row["image"]).stem: row["quality"] == "2" for row in csv.DictReader(stream)}
    paths = sorted(path for path in table.parent.rglob("*") if path.suffix in (".jpg", ".jpeg", ".png"))
    found = [measure(_square(path, spec)) for path in paths]
    patients = [path.stem.partition("_")[0] for path in paths]
    good: list[Quality] = []
    poor: list[Quality] = []
    for rows, held_out in GroupKFold(FOLDS).split(paths, groups=patients):
        looks = _reference([found[row] for row in rows if not rejected.get(paths[row].stem)])
        for row in held_out:
            if paths[row].stem in rejected:
                (poor if rejected[paths[row].stem] else good).append(_judge(found[row], looks))
    low, high = _interval(_scores(good), _scores(poor))
    print(
        f"\nEyeQ: {len(good)} good or usable ({_flagged(good):.2f} called ungradable), {len(poor)} rejected"
        f" ({_flagged(poor):.2f} called ungradable); AUROC {_auroc(_scores(good), _scores(poor)):.3f}"
        f" [{low:.3f}, {high:.3f}]"
    )


def _square(path: Path, spec: ClassifierSpec) -> Pixels:
    return read_square(path, spec.preprocessing.model_copy(update={"size": SIZE, "contrast": "none"}))


def _reference(measures: list[Measures]) -> Reference:
    return reference({name: np.array([each[name] for each in measures]) for name in measures[0]}, expect_retina=True)


def _judge(measures: Measures, looks: Reference) -> Quality:
    return assess(measures, looks, expect_retina=True)


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
