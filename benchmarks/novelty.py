"""Does a classifier know what is not its kind of image? `python -m benchmarks.novelty <data> <weights>`.

Each classifier trains on its photographs as the product does, with a new head on pretrained features. Then it answers
for its test images and for images of other kinds, by the path that serves. `<data>` holds a folder for each classifier,
`<weights>` Keras' weight files.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sklearn.metrics import roc_auc_score

from app.classifiers import Catalog, ClassifierSpec
from app.inference.arrays import Floats
from app.inference.predictor import Predictor
from benchmarks import photographs

CLASSIFIERS = ("glaucoma", "diabetic_retinopathy", "eye_diseases", "cataract", "cat_dog")
MOST = 120  # strangers of a kind
KINDS = {  # of the photographs in a classifier's folder
    "glaucoma": "optic disc crops",
    "diabetic_retinopathy": "whole fundus",
    "eye_diseases": "whole fundus, another collection",
    "cataract": "eye photographs",
    "cat_dog": "cats and dogs",
}
RESAMPLES, SEED = 1000, 2024


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder that holds a folder of labelled photographs per classifier")
    parser.add_argument("weights", type=Path, help="folder of pretrained weights")
    parser.add_argument("--classifiers", nargs="+", choices=CLASSIFIERS, default=CLASSIFIERS)
    parser.add_argument("--cache", type=Path, help="folder that keeps features for the next run")
    options = parser.parse_args()
    print("| classifier | shown | images | AUROC | flagged at the threshold |\n| --- | --- | ---: | --- | ---: |")
    catalog = Catalog()
    with nullcontext(options.cache) if options.cache else TemporaryDirectory(prefix="fovea-bench-") as cache:
        for name in options.classifiers:
            _measure(catalog[name], options.data, options.weights, Path(cache))


def _measure(spec: ClassifierSpec, data: Path, weights: Path, cache: Path) -> None:
    """Print the rows of one classifier."""
    print(f"{spec.name}: training ...", file=sys.stderr)
    samples = photographs.divided(spec, data / spec.name)
    with TemporaryDirectory(prefix="fovea-bench-") as bundle:
        threshold = photographs.trained(spec, samples, weights, cache, Path(bundle)).thresholds.novelty
        predictor = Predictor(Path(bundle), threads=2)
    own = _scores(predictor, [each.path.read_bytes() for each in samples if each.split == "test"])
    print(f"| {spec.name} | its own test images | {len(own)} | | {(own > threshold).mean():.2f} |", flush=True)
    for kind, images in _strangers(spec, data):
        found = _scores(predictor, images)
        print(
            f"| {spec.name} | {kind} | {len(found)} | {_auroc(own, found)} | {(found > threshold).mean():.2f} |",
            flush=True,
        )


def _strangers(spec: ClassifierSpec, data: Path) -> Iterator[tuple[str, list[bytes]]]:
    """Each kind of image that is not the classifier's."""
    for name, kind in KINDS.items():
        if name != spec.name:
            yield kind, photographs.files(data / name, MOST)
    yield "drawings of its classes", photographs.drawn(spec, MOST)
    yield "noise", photographs.noise(MOST)
    yield "blank", photographs.blank(MOST)


def _scores(predictor: Predictor, images: Sequence[bytes]) -> Floats:
    """The novelty score (n,) of each image."""
    return np.array([predictor.predict(data).novelty.score for data in images])


def _auroc(own: Floats, strangers: Floats) -> str:
    """How well the score separates the two, with the 95 % interval of a bootstrap over the images."""
    random = np.random.default_rng(SEED)
    values = []
    for _ in range(RESAMPLES):
        chosen = [random.choice(each, len(each)) for each in (own, strangers)]
        values.append(_area(*chosen))
    low, high = np.percentile(values, [2.5, 97.5])
    return f"{_area(own, strangers):.3f} [{low:.3f}, {high:.3f}]"


def _area(own: Floats, strangers: Floats) -> float:
    truth = np.repeat([0, 1], [len(own), len(strangers)])
    return float(roc_auc_score(truth, np.concatenate([own, strangers])))


if __name__ == "__main__":
    main()
