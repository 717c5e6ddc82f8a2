"""Compares Fovea's accuracy with a plain baseline's: `python -m benchmarks.accuracy <data> <weights>`.

Both answer for the same photographs, out of fold, in one cross-validation that parts no patient. The baseline is a
logistic regression on the pooled, frozen ImageNet features of two networks; Fovea trains as its classifiers' files say
and answers by the path that serves. `<data>` holds a folder for each classifier, `<weights>` Keras' weight files.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from app.classifiers import Catalog, ClassifierSpec
from app.inference.arrays import Floats
from app.inference.predictor import Predictor
from app.training.backbones import BACKBONES
from app.training.datasets import Item, scan
from app.training.progress import silent
from app.training.samples import read_square
from app.training.splits import assign
from app.training.trainer import Plan, Sample, train

CLASSIFIERS = ("cat_dog", "glaucoma", "cataract", "diabetic_retinopathy", "eye_diseases")
NUMBERED = re.compile(r"(?:Im|IDRiD_)(\d+)")  # such numbers show the photographs of a patient in a row
BLOCK = 10  # how many consecutive numbers count as one patient
SIZE, BATCH = 224, 32  # of the baseline
MOBILENET = "mobilenet_v1_1.0_224_to_conv_pw_12_relu.weights.h5"
RESAMPLES, SEED = 2000, 2024
Rows = NDArray[np.int64]


def main() -> None:
    """Measure and print a Markdown table."""
    options = _options()
    print(f"Out of fold, {options.folds} folds; accuracy with its 95 % interval.\n")
    print("| classifier | images | baseline | Fovea | difference | baseline AUROC | Fovea AUROC |")
    print("| --- | ---: | --- | --- | --- | ---: | ---: |")
    catalog = Catalog()
    for name in options.classifiers:
        _compare(catalog[name], options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder that holds a folder of labelled photographs per classifier")
    parser.add_argument("weights", type=Path, help="folder of pretrained weights")
    parser.add_argument("--classifiers", nargs="+", choices=CLASSIFIERS, default=CLASSIFIERS)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--backbone", choices=list(BACKBONES), help="instead of the classifiers' own")
    parser.add_argument("--mode", choices=["head", "full"], help="instead of the classifiers' own")
    return parser.parse_args()


def _compare(spec: ClassifierSpec, options: argparse.Namespace) -> None:
    """Print the rows of one classifier, one for each source of its photographs."""
    folder = options.data / spec.name
    items = scan(folder, spec).items
    labels = np.array([spec.class_names.index(item.label) for item in items])
    groups = np.array([_group(item) for item in items])
    features = _features(items, spec, options.weights)
    baseline, fovea = (np.zeros((len(items), len(spec.classes))) for _ in range(2))
    folds = StratifiedGroupKFold(options.folds, shuffle=True, random_state=SEED)
    for number, (rows, held_out) in enumerate(folds.split(labels, labels, groups)):
        print(f"{spec.name}: fold {number + 1} of {options.folds} ...", file=sys.stderr)
        head = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=1000))
        baseline[held_out] = head.fit(features[rows], labels[rows]).predict_proba(features[held_out])
        fovea[held_out] = _train(spec, items, groups, held_out, options)
    for source, chosen in _sources(spec, folder, items):
        figures = _figures(labels[chosen], groups[chosen], baseline[chosen], fovea[chosen])
        print(f"| {spec.name}{source} | {len(chosen)} | {figures} |", flush=True)


def _group(item: Item) -> str:
    """The patient: as the classifier's file finds it, or the block of the photograph's number."""
    number = NUMBERED.match(item.path.name)
    return f"block {int(number[1]) // BLOCK}" if number else item.group


def _sources(spec: ClassifierSpec, folder: Path, items: list[Item]) -> Iterator[tuple[str, Rows]]:
    """The title and the rows of each source: the folders that hold a table, else everything."""
    names = [item.path.relative_to(folder).parts[0] if spec.data.convention == "csv" else "" for item in items]
    for name in sorted(set(names)):
        yield name and f", {name}", np.flatnonzero(np.array(names) == name)


def _features(items: list[Item], spec: ClassifierSpec, weights: Path) -> Floats:
    """The pooled features (n, 2304) of the frozen MobileNet and MobileNetV2."""
    network = _frozen(weights)
    crop = spec.preprocessing.model_copy(update={"size": SIZE, "contrast": "none"})
    parts = []
    for start in range(0, len(items), BATCH):
        squares = np.stack([read_square(item.path, crop) for item in items[start : start + BATCH]])
        parts.append(np.asarray(network(squares.astype(np.float32) / 127.5 - 1, training=False)))
    return np.concatenate(parts)


def _frozen(weights: Path) -> Any:  # noqa: ANN401  # keras has no types
    from keras import Input, Model, applications, layers  # noqa: PLC0415  # loads TensorFlow

    shape = (SIZE, SIZE, 3)
    whole = applications.MobileNet(include_top=False, weights=None, input_shape=shape)
    first = Model(whole.input, whole.get_layer("conv_pw_12_relu").output)
    first.load_weights(weights / MOBILENET)
    path = str(weights / BACKBONES["mobilenetv2"].weights_files[0])
    second = applications.MobileNetV2(alpha=0.35, include_top=False, weights=path, input_shape=shape)
    image = Input(shape)
    pooled = [layers.GlobalAveragePooling2D()(each(image)) for each in (first, second)]
    return Model(image, layers.concatenate(pooled))


def _train(
    spec: ClassifierSpec, items: list[Item], groups: NDArray[np.str_], held_out: Rows, options: argparse.Namespace
) -> Floats:
    """Train a bundle as the product does, without the fold; return what it answers for the fold."""
    outside = set(held_out.tolist())
    keys = [(item.label, str(group)) for item, group in zip(items, groups, strict=True)]
    given = ["test" if row in outside else "train" for row in range(len(items))]
    splits = assign(keys, spec.training.seed, given=given)  # type: ignore[arg-type]  # both are names of splits
    samples = tuple(
        Sample(item.path, hashlib.sha256(item.path.read_bytes()).hexdigest(), item.label, split, str(group))
        for item, split, group in zip(items, splits, groups, strict=True)
    )
    own = spec.training
    backbone, mode = options.backbone or own.backbone, options.mode or own.mode
    plan = Plan(spec, samples, backbone, mode, own.epochs, own.seed, "benchmark", weights_dir=options.weights)
    with TemporaryDirectory(prefix="fovea-bench-") as name:
        card = train(plan, Path(name), silent)
        squares = np.stack([read_square(items[row].path, card.preprocessing) for row in held_out])
        return Predictor(Path(name), threads=2).probabilities(squares)


def _figures(labels: Rows, groups: NDArray[np.str_], baseline: Floats, fovea: Floats) -> str:
    """The cells of a row: Wilson's intervals, and for the difference a bootstrap over patients."""
    right = [each.argmax(axis=1) == labels for each in (baseline, fovea)]
    cells = [_proportion(int(each.sum()), len(labels)) for each in right]
    gain = right[1].astype(float) - right[0]
    names, place = np.unique(groups, return_inverse=True)
    drawn = np.random.default_rng(SEED).multinomial(len(names), np.full(len(names), 1 / len(names)), RESAMPLES)
    weights = drawn[:, place]
    low, high = np.percentile(weights @ gain / weights.sum(axis=1), [2.5, 97.5])
    cells.append(f"{gain.mean():+.3f} [{low:+.3f}, {high:+.3f}]")
    return " | ".join([*cells, *(f"{_auroc(labels, each):.3f}" for each in (baseline, fovea))])


def _proportion(right: int, n: int) -> str:
    interval = binomtest(right, n).proportion_ci(method="wilson")
    return f"{right / n:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def _auroc(labels: Rows, probabilities: Floats) -> float:
    """The mean over the classes, each against the rest."""
    scores = probabilities[:, 1] if probabilities.shape[1] == 2 else probabilities
    return float(roc_auc_score(labels, scores, multi_class="ovr"))


if __name__ == "__main__":
    main()
