"""Do heat maps point at what was drawn? `python -m benchmarks.pointing <weights>`.

The pointing game (Zhang et al., IJCV 2018) on drawings whose evidence is known: a hit is a hottest point on it, or
within 3 % of the side of it. For each backbone whose pretrained weights are in `<weights>` a head is trained on drawn
images, as the product does; what comes with Fovea is in `models/`.
"""

from __future__ import annotations

import argparse
import base64
import sys
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import cv2
import numpy as np

from app.classifiers import Catalog, ClassifierSpec
from app.config import CHECKOUT
from app.drawing import draw
from app.inference.engine import ENGINES
from app.inference.predictor import Predictor
from app.training.demo import draw_samples
from app.training.networks.backbones import find_all_weights
from app.training.progress import silent
from app.training.trainer import Plan, train

TOLERANCE = 0.03  # of the side: the customary 15 of 500 pixels
DRAWINGS, SEED = 30, 5_000_000  # none of a training
SHOWN = (  # classifier, class, drawing
    ("diabetic_retinopathy", "dr", "fundus_diabetic_retinopathy"),
    ("glaucoma", "glaucoma", "fundus_glaucoma"),
    ("eye_diseases", "diabetic_retinopathy", "fundus_diabetic_retinopathy"),
    ("eye_diseases", "glaucoma", "fundus_glaucoma"),
    ("cataract", "cataract", "eye_cataract"),
    ("cat_dog", "cat", "cat_face"),
    ("cat_dog", "dog", "dog_face"),
)


class Score(NamedTuple):
    """Of `answered` drawings that were answered right, how many `hits`; `chance`: a random point's share of hits."""

    hits: int
    answered: int
    chance: float


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("weights", type=Path, help="folder of pretrained weights")
    parser.add_argument("--classifiers", nargs="+", default=["diabetic_retinopathy", "glaucoma"])
    parser.add_argument("--images", type=int, default=120, help="drawn for the training, of each class")
    parser.add_argument("--drawings", type=int, default=DRAWINGS, help="to point at, of each class")
    parser.add_argument("--cache", type=Path, help="folder that keeps features for the next run")
    options = parser.parse_args()
    heads = ("classifier", "drawn", "network", "map", "on the evidence", "a random point")
    print(f"| {' | '.join(heads)} |\n|{' --- |' * 4}{' ---: |' * 2}")
    catalog = Catalog()
    with nullcontext(options.cache) if options.cache else TemporaryDirectory(prefix="fovea-bench-") as cache:
        for name in options.classifiers:
            _tell(name, "custom_cnn, as it comes", CHECKOUT / "models" / name / "1", options.drawings)
            for backbone in find_all_weights(options.weights):
                with TemporaryDirectory(prefix="fovea-bench-") as bundle:
                    _train(catalog[name], backbone, options, Path(cache), Path(bundle))
                    _tell(name, backbone, Path(bundle), options.drawings)


def pointing(predictor: Predictor, label: str, subject: str, drawings: int = DRAWINGS) -> Score:
    """Play the game on fresh drawings of a subject, where the class is answered right."""
    hits, answered, area = 0, 0, []
    for seed in range(SEED, SEED + drawings):
        drawing = draw(subject, seed)
        answer = predictor.predict(drawing.jpeg(), explain=True)
        if answer.predicted_class != label or answer.explanation is None:
            continue
        png = np.frombuffer(base64.b64decode(answer.explanation.partition(",")[2]), np.uint8)
        opacity = np.asarray(cv2.imdecode(png, cv2.IMREAD_UNCHANGED))[..., 3]
        away = cv2.distanceTransform((~drawing.mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        near = away <= TOLERANCE * len(away)
        hits += int(near[np.unravel_index(opacity.argmax(), near.shape)])
        answered += 1
        area.append(near.mean())
    return Score(hits, answered, float(np.mean(area or [0])))


def _train(spec: ClassifierSpec, backbone: str, options: argparse.Namespace, cache: Path, bundle: Path) -> None:
    """A head on the frozen features of drawn images."""
    print(f"{spec.name}: {backbone} ...", file=sys.stderr)
    with TemporaryDirectory(prefix="fovea-bench-") as folder:
        samples = draw_samples(spec, Path(folder), options.images, spec.training.seed, silent)
        plan = Plan(spec, samples, backbone, "head", 1, spec.training.seed, "benchmark",
                    weights_dir=options.weights, cache_dir=cache)  # fmt: skip
        train(plan, bundle, silent)


def _tell(name: str, network: str, bundle: Path, drawings: int) -> None:
    """Print a row for each subject of the classifier."""
    predictor = Predictor(bundle, threads=2)
    size, engine = predictor.card.preprocessing.size or 0, ENGINES[predictor.card.engine]
    maps = engine(bundle / engine.file_name).run(np.zeros((1, size, size, 3), np.uint8)).activation
    side = 0 if maps is None else maps.shape[1]
    for classifier, label, subject in SHOWN:
        if classifier == name:
            score = pointing(predictor, label, subject, drawings)
            print(
                f"| {name} | {label} | {network} | {side} x {side} | {score.hits} of {score.answered} |"
                f" {score.chance:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
