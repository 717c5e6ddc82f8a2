"""Compares Fovea's accuracy with a plain baseline's: `python -m benchmarks.accuracy <data> <weights>`.

Both answer for the same photographs, out of fold, in one cross-validation that parts no patient. The baseline is a
logistic regression on the pooled, frozen ImageNet features of two networks; Fovea trains as its classifiers' files say
and answers by the path that serves. Where photographs come from several sources, both are also trained on one source
and tested on another. `<data>` holds a folder for each classifier, `<weights>` Keras' weight files.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from app.classifiers import Catalog, ClassifierSpec
from app.inference.arrays import Floats, Integers
from app.inference.predictor import Predictor
from app.training.data.datasets import scan
from app.training.data.samples import Sample, read_square
from app.training.data.splits import assign
from app.training.evaluation.proportions import proportion
from app.training.heads.features import compute
from app.training.networks.backbones import BACKBONES, find_weights, usual
from app.training.networks.frozen import freeze
from app.training.progress import silent
from app.training.trainer import Plan, train

CLASSIFIERS = ("cat_dog", "glaucoma", "cataract", "diabetic_retinopathy", "eye_diseases")
BASELINE, SIZE, STRENGTH = "mobilenet_pair", 224, 0.01
BATCH, RESAMPLES, SEED = 32, 2000, 2024


class Answers(NamedTuple):
    """Probabilities (n, classes) of both for the same images."""

    baseline: Floats
    fovea: Floats


class Case(NamedTuple):
    """A classifier's photographs, each with its class index, its patient, and the features of the baseline (n, d)."""

    spec: ClassifierSpec
    samples: list[Sample]
    labels: Integers
    features: Floats


def main() -> None:
    """Measure and print a Markdown table."""
    options = _options()
    print(f"Out of fold, {options.folds} folds; accuracy with its 95 % interval.\n")
    print("| classifier | images | baseline | Fovea | difference | baseline AUROC | Fovea AUROC |")
    print("| --- | ---: | --- | --- | --- | ---: | ---: |")
    catalog = Catalog()
    with TemporaryDirectory(prefix="fovea-bench-") as scratch:
        options.cache = options.cache or Path(scratch)
        for name in options.classifiers:
            _compare(_case(catalog[name], options), options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder that holds a folder of labelled photographs per classifier")
    parser.add_argument("weights", type=Path, help="folder of pretrained weights")
    parser.add_argument("--classifiers", nargs="+", choices=CLASSIFIERS, default=CLASSIFIERS)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--backbone", choices=list(BACKBONES), help="instead of the classifiers' own")
    parser.add_argument("--mode", choices=["head", "full"], help="instead of the classifiers' own")
    parser.add_argument("--cache", type=Path, help="folder that keeps frozen features for the next run")
    return parser.parse_args()


def _case(spec: ClassifierSpec, options: argparse.Namespace) -> Case:
    """Read the photographs, and compute what the baseline sees of them."""
    folder = options.data / spec.name
    samples = [
        Sample(item.path, hashlib.sha256(item.path.read_bytes()).hexdigest(), item.label, "test", item.group,
               item.path.relative_to(folder).parts[0] if spec.data.convention == "csv" else "")
        for item in scan(folder, spec).items
    ]  # fmt: skip
    frozen = freeze(BASELINE, find_weights(BASELINE, "imagenet", options.weights), SIZE, options.cache)
    plain = spec.preprocessing.model_copy(update={"size": SIZE, "contrast": "none"})
    once = spec.training.model_copy(update={"varied": 0})
    features = compute(frozen, samples, plain, once, silent).embeddings
    labels = np.array([spec.class_names.index(sample.label) for sample in samples])
    return Case(spec, samples, labels, features)


def _compare(case: Case, options: argparse.Namespace) -> None:
    """Print the rows of one classifier: for each source of its photographs, and for each as another camera's."""
    groups, sources = ([getattr(each, name) for each in case.samples] for name in ("group", "source"))
    strata = [f"{label} {source}" for label, source in zip(case.labels, sources, strict=True)]
    folds = StratifiedGroupKFold(options.folds, shuffle=True, random_state=SEED).split(strata, strata, groups)
    names = sorted(set(sources))
    title, everything = case.spec.name, np.arange(len(strata))
    found = _answers(case, [held_out for _, held_out in folds], options)
    _print(title, case, found, everything)
    if len(names) > 1:
        parts = [np.flatnonzero(np.array(sources) == name) for name in names]
        elsewhere = _answers(case, parts, options)
        for name, rows in zip(names, parts, strict=True):
            _print(f"{title}, {name}", case, found, rows)
            _print(f"{title}, {name}, trained without it", case, elsewhere, rows)


def _answers(case: Case, parts: Sequence[Integers], options: argparse.Namespace) -> Answers:
    """What both answer for each part after they were trained on all others."""
    found = Answers(*(np.zeros((len(case.labels), len(case.spec.classes))) for _ in Answers._fields))
    for number, held_out in enumerate(parts):
        print(f"{case.spec.name}: {number + 1} of {len(parts)} ...", file=sys.stderr)
        rows = np.setdiff1d(np.arange(len(case.labels)), held_out)
        head = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=1000))
        head.fit(case.features[rows], case.labels[rows])
        found.baseline[held_out] = head.predict_proba(case.features[held_out])
        found.fovea[held_out] = _train(case, held_out, options)
    return found


def _train(case: Case, held_out: Integers, options: argparse.Namespace) -> Floats:
    """Train a bundle as the product does, without the held out rows; return what it answers for those."""
    own, outside = case.spec.training, set(held_out.tolist())
    keys = [(sample.label, sample.group) for sample in case.samples]
    given = ["test" if row in outside else "train" for row in range(len(keys))]
    splits = assign(keys, own.seed, given=given)  # type: ignore[arg-type]  # both are names of splits
    samples = tuple(replace(each, split=split) for each, split in zip(case.samples, splits, strict=True))
    backbone, mode = usual(own, options.weights)
    plan = Plan(case.spec, samples, options.backbone or backbone, options.mode or mode, own.epochs, own.seed,
                "benchmark", weights_dir=options.weights, cache_dir=options.cache)  # fmt: skip
    with TemporaryDirectory(prefix="fovea-bench-") as name:
        card = train(plan, Path(name), silent)
        predictor = Predictor(Path(name), threads=2)
        parts = [held_out[start : start + BATCH] for start in range(0, len(held_out), BATCH)]
        squares = (np.stack([read_square(samples[row].path, card.preprocessing) for row in part]) for part in parts)
        return np.concatenate([predictor.probabilities(batch) for batch in squares])


def _print(title: str, case: Case, found: Answers, rows: Integers) -> None:
    """A row: intervals widened for patients, and for the difference a bootstrap over patients."""
    labels, groups = case.labels[rows], [case.samples[row].group for row in rows.tolist()]
    right = [answers[rows].argmax(axis=1) == labels for answers in found]
    cells = []
    for each in right:
        low, high = proportion(each, groups) or (0.0, 1.0)
        cells.append(f"{each.mean():.3f} [{low:.3f}, {high:.3f}]")
    gain = right[1].astype(float) - right[0]
    names, place = np.unique(groups, return_inverse=True)
    drawn = np.random.default_rng(SEED).multinomial(len(names), np.full(len(names), 1 / len(names)), RESAMPLES)
    weights = drawn[:, place]
    low, high = np.percentile(weights @ gain / weights.sum(axis=1), [2.5, 97.5])
    cells.append(f"{gain.mean():+.3f} [{low:+.3f}, {high:+.3f}]")
    cells += [f"{_auroc(labels, answers[rows]):.3f}" for answers in found]
    print(f"| {title} | {len(rows)} | {' | '.join(cells)} |", flush=True)


def _auroc(labels: Integers, probabilities: Floats) -> float:
    """The mean over the classes, each against the rest."""
    scores = probabilities[:, 1] if probabilities.shape[1] == 2 else probabilities
    return float(roc_auc_score(labels, scores, multi_class="ovr"))


if __name__ == "__main__":
    main()
