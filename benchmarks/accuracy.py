"""Accuracy and cost of heads on pretrained networks: `python -m benchmarks.accuracy <data> <weights>`.

Nested cross-validation: backbone, image size, varied copies, contrast and penalty are chosen in inner folds, the
cheapest that is within one standard error of the best; the table tells of outer folds. No patient, and no two images
that the duplicate search takes for the same, are parted. Where photographs come from several sources, each is also kept
out in turn. Everything is computed by the code that serves. `<data>` holds a folder for each classifier, `<weights>`
Keras' weight files.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from app.classifiers import Catalog, ClassifierSpec
from app.inference.arrays import Floats, Integers
from app.training.audit import fingerprints
from app.training.audit.copies import find_pairs
from app.training.data.datasets import scan
from app.training.data.samples import Sample
from app.training.data.splits import unite
from app.training.heads.features import compute
from app.training.networks.backbones import find_weights
from app.training.networks.frozen import freeze
from app.training.progress import silent
from app.training.statistics.proportions import proportion
from benchmarks.nested import Candidate, Case, Outcome, Setting, choose, fit, judge

CLASSIFIERS = ("cat_dog", "glaucoma", "cataract", "diabetic_retinopathy", "eye_diseases")
CHEAP = (
    Setting("mobilenetv2", 224), Setting("mobilenet", 160), Setting("mobilenet", 224), Setting("mobilenet", 224, 1),
    Setting("mobilenet", 320), Setting("mobilenet_pair", 224),
)  # fmt: skip
ELABORATE = {  # what the classifiers took when each setting was chosen on the images that judged it
    "cat_dog": (Setting("mobilenet_pair", 224, 2, float32=True),),
    "glaucoma": (Setting("mobilenet_pyramid", 224, 1, float32=True),),
    "cataract": (Setting("mobilenet_closer", 224, float32=True),),
    "diabetic_retinopathy": (
        Setting("mobilenet", 224, 1, "local_average"),
        Setting("mobilenet", 320, 1, "local_average"),
        Setting("mobilenet_pyramid", 320, 1, "local_average", float32=True),
    ),
    "eye_diseases": (Setting("mobilenet_pyramid", 448, float32=True),),
}
RESAMPLES, SEED, TIMED = 2000, 2024, 15


def main() -> None:
    """Measure and print Markdown tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder that holds a folder of labelled photographs per classifier")
    parser.add_argument("weights", type=Path, help="folder of pretrained weights")
    parser.add_argument("--classifiers", nargs="+", choices=CLASSIFIERS, default=CLASSIFIERS)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--cache", type=Path, help="folder that keeps frozen features for the next run")
    parser.add_argument("--cheap", action="store_true", help="without the elaborate settings")
    options = parser.parse_args()
    catalog = Catalog()
    with nullcontext(options.cache) if options.cache else TemporaryDirectory(prefix="fovea-bench-") as cache:
        for name in options.classifiers:
            _measure(catalog[name], options, Path(cache))


def _measure(spec: ClassifierSpec, options: argparse.Namespace, cache: Path) -> None:
    """Print the tables of one classifier."""
    case, samples = _case(spec, options.data / spec.name)
    settings = (*CHEAP, *(() if options.cheap else ELABORATE[spec.name]))
    candidates = [_candidate(case, samples, each, options.weights, cache) for each in settings]
    strata = [f"{label} {source}" for label, source in zip(case.labels, case.sources, strict=True)]
    folds = StratifiedGroupKFold(options.folds, shuffle=True, random_state=SEED).split(strata, strata, case.groups)
    outcome = judge(case, candidates, [held_out for _, held_out in folds])
    everything = np.arange(len(case.labels))
    print(f"\n{spec.name}: {len(case.labels)} images in {len(set(case.groups))} groups, {options.folds} folds\n")
    print("| answered by | ms | accuracy | less what was chosen | AUROC | chosen |")
    print("| --- | ---: | --- | --- | ---: | ---: |")
    _row(case, ("what each fold chose", "", options.folds), outcome.chosen, outcome.chosen)
    counts = Counter(outcome.choices)
    for number, each in enumerate(candidates):
        took, alone = f"{each.milliseconds:.1f}", outcome.alone[number]
        _row(case, (each.setting.title, took, counts[number]), alone, outcome.chosen)
    final = choose(case, candidates, everything, [fit(case, each, everything) for each in candidates])
    print(f"\nOn all images the rule takes: {candidates[final].setting.title}.", flush=True)
    if len(set(case.sources)) > 1:
        _sources(case, candidates, outcome)


def _case(spec: ClassifierSpec, folder: Path) -> tuple[Case, list[Sample]]:
    """The photographs of a folder; those that show the same are one group."""
    samples = [
        Sample(item.path, hashlib.sha256(item.path.read_bytes()).hexdigest(), item.label, "train", item.group)
        for item in scan(folder, spec).items
    ]
    seen = fingerprints.read([fingerprints.compute(each.path.read_bytes()) for each in samples])
    pairs = find_pairs(seen, np.arange(len(samples)), silent)
    groups = [each.group for each in samples]
    parted = sum(groups[pair.first] != groups[pair.second] for pair in pairs)
    print(f"{spec.name}: {len(pairs)} pairs show the same, {parted} of them of two groups", file=sys.stderr, flush=True)
    labels = np.array([spec.class_names.index(each.label) for each in samples])
    united = unite(groups, [(pair.first, pair.second) for pair in pairs])
    return Case(spec, labels, united, [_source(spec, each.path, folder) for each in samples]), samples


def _source(spec: ClassifierSpec, path: Path, folder: Path) -> str:
    """Where a photograph comes from: its collection and, of EyePACS, how it was prepared."""
    if spec.name == "cataract":
        return path.name.partition("_")[0]
    if spec.data.convention != "csv":
        return ""
    with Image.open(path) as image:
        square = image.width == image.height
    return path.relative_to(folder).parts[0] + (", square" if square else "")


def _candidate(case: Case, samples: list[Sample], setting: Setting, weights: Path, cache: Path) -> Candidate:
    """Features by the product's own code, and the processor time of the network for one image."""
    files = find_weights(setting.backbone, "imagenet", weights, "head")
    frozen = freeze(setting.backbone, files, setting.size, cache, float32=setting.float32)
    preprocessing = case.spec.preprocessing.model_copy(update={"size": setting.size, "contrast": setting.contrast})
    training = case.spec.training.model_copy(update={"varied": setting.varied})
    found = compute(frozen, samples, preprocessing, training, silent)
    session, times = frozen.session(1), []
    square = np.zeros((1, setting.size, setting.size, 3), np.uint8)
    for _ in range(TIMED):
        started = time.thread_time()
        session.run(["embedding"], {"image": square})
        times.append(1000 * (time.thread_time() - started))
    print(f"{case.spec.name}: {setting.title}", file=sys.stderr, flush=True)
    return Candidate(setting, float(np.median(times)), found.embeddings, found.varied)


def _sources(case: Case, candidates: Sequence[Candidate], outcome: Outcome) -> None:
    """A table of each source: in the folds, and when nothing of it was trained on or chosen by."""
    names = sorted(set(case.sources))
    parts = [np.flatnonzero(np.array(case.sources) == name) for name in names]
    elsewhere = judge(case, candidates, parts)
    print("\n| source | images | accuracy in the folds | trained without it | AUROC | chosen without it |")
    print("| --- | ---: | --- | --- | ---: | --- |")
    for name, rows, choice in zip(names, parts, elsewhere.choices, strict=True):
        cells = [_accuracy(case, answers, rows) for answers in (outcome.chosen, elsewhere.chosen)]
        area = f"{_auroc(case.labels[rows], elsewhere.chosen[rows]):.3f}"
        print(
            f"| {name} | {len(rows)} | {' | '.join([*cells, area])} | {candidates[choice].setting.title} |", flush=True
        )
    print("\n| setting | " + " | ".join(f"trained without {name}" for name in names) + " |")
    print("| --- |" + " --- |" * len(names))
    for each, alone in zip(candidates, elsewhere.alone, strict=True):
        print(f"| {each.setting.title} | {' | '.join(_accuracy(case, alone, rows) for rows in parts)} |", flush=True)


def _row(case: Case, cells: tuple[str, str, int], answers: Floats, chosen: Floats) -> None:
    """Accuracy with its interval, and its difference to what was chosen, by a bootstrap over groups.

    `cells`: the setting, its time, and how many folds chose it.
    """
    (title, took, count), labels = cells, case.labels
    gain = (answers.argmax(axis=1) == labels).astype(float) - (chosen.argmax(axis=1) == labels)
    names, place = np.unique(case.groups, return_inverse=True)
    drawn = np.random.default_rng(SEED).multinomial(len(names), np.full(len(names), 1 / len(names)), RESAMPLES)
    weights = drawn[:, place]
    low, high = np.percentile(weights @ gain / weights.sum(axis=1), [2.5, 97.5])
    difference = f"{gain.mean():+.3f} [{low:+.3f}, {high:+.3f}]" if gain.any() else ""
    area, everything = _auroc(labels, answers), np.arange(len(labels))
    print(
        f"| {title} | {took} | {_accuracy(case, answers, everything)} | {difference} | {area:.3f} | {count} |",
        flush=True,
    )


def _accuracy(case: Case, answers: Floats, rows: Integers) -> str:
    """With its 95 % interval, widened for groups."""
    right = answers[rows].argmax(axis=1) == case.labels[rows]
    low, high = proportion(right, [case.groups[row] for row in rows.tolist()]) or (0.0, 1.0)
    return f"{right.mean():.3f} [{low:.3f}, {high:.3f}]"


def _auroc(labels: Integers, probabilities: Floats) -> float:
    """The mean over the classes, each against the rest."""
    scores = probabilities[:, 1] if probabilities.shape[1] == 2 else probabilities
    return float(roc_auc_score(labels, scores, multi_class="ovr"))


if __name__ == "__main__":
    main()
