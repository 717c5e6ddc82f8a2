"""Compares Fovea's retraining with the usual way: `python -m benchmarks.retraining --help`.

Some images joined a dataset that was trained on before. Fovea, mode `head`: the features of the old images are in its
cache, those of the new are computed, and a convex head is fitted. The usual way: `image_dataset_from_directory`, the
frozen backbone inside the model, a dense head trained by Adam for as many epochs as Fovea's default. Both start a
process of their own, know the same drawn images, and are tested on the same others; they take turns, and the figures
are medians over the rounds. Without `--weights` the backbone's weights are random, which is as slow as the trained.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from app.classifiers import Catalog
from app.classifiers.spec import TrainingSpec
from app.training.demo import draw_samples
from app.training.networks.backbones import BACKBONES
from app.training.progress import silent
from app.training.trainer import Plan, Sample, train

CLASSIFIER, BACKBONE, SEED = "cat_dog", "mobilenetv2", 11
SIZE = BACKBONES[BACKBONE].size
EPOCHS = TrainingSpec().epochs


def main() -> None:
    """Measure both and print a Markdown table."""
    options = _options()
    with TemporaryDirectory(prefix="fovea-bench-") as name:
        folder = Path(name)
        _prepare(folder, options)
        found: dict[str, list[dict[str, float]]] = {"fovea": [], "usual": []}
        for number in range(options.rounds):
            for side, runs in found.items():
                print(f"Round {number + 1} of {options.rounds}: {side} ...", file=sys.stderr)
                if side == "fovea":
                    shutil.rmtree(folder / "cache", ignore_errors=True)
                    shutil.copytree(folder / "cache-before", folder / "cache")
                runs.append(_timed(side, folder, options.epochs))
        _print(found, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--known", type=int, default=2000, help="images that were trained on before")
    parser.add_argument("--new", type=int, default=100, help="images that joined")
    parser.add_argument("--test", type=int, default=400, help="images to test on")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of the usual way")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--weights", type=Path, help=f"file of ImageNet weights for {BACKBONES[BACKBONE].title}")
    return parser.parse_args()


def _prepare(folder: Path, options: argparse.Namespace) -> None:
    """Draw the images, divide them, let Fovea train on the old ones, and lay the folders of the usual way."""
    spec = Catalog()[CLASSIFIER]
    count = options.known + options.new + options.test
    print(f"Drawing {count} images ...", file=sys.stderr)
    drawn = draw_samples(spec, _made(folder / "drawn"), -(-count // len(spec.classes)), SEED, silent)[:count]
    tests = [Sample(s.path, s.sha256, s.label, "test", s.group) for s in drawn[: options.test]]
    others = [
        Sample(s.path, s.sha256, s.label, "val" if i % 5 == 0 else "train", s.group)
        for i, s in enumerate(drawn[options.test :])
    ]
    weights = options.weights or _random_weights(folder)
    plans = {
        name: Plan(spec, (*samples, *tests), BACKBONE, "head", EPOCHS, SEED, "drawn", weights=str(weights),
                   cache_dir=folder / "cache-before" if name == "before" else folder / "cache")
        for name, samples in (("before", others[: options.known]), ("after", others))
    }  # fmt: skip
    print(f"Training on the first {options.known} images ...", file=sys.stderr)
    train(plans["before"], _made(folder / "bundle-before"), silent)
    (folder / "plan.pickle").write_bytes(pickle.dumps(plans["after"]))
    for sample in plans["after"].samples:
        os.link(sample.path, _made(folder / "usual" / sample.split / sample.label) / sample.path.name)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _random_weights(folder: Path) -> Path:
    """A file with random weights of the backbone."""
    from app.training.networks import assembly, runtime  # noqa: PLC0415  # loads TensorFlow

    path = folder / "random.weights.h5"
    with runtime.session(SEED):
        network = assembly.build_network(BACKBONE, SIZE, 2)
        runtime.keras.Model(network.input, network.get_layer(assembly.FEATURES).output).save_weights(path)
    return path


def _timed(side: str, folder: Path, epochs: int) -> dict[str, float]:
    """Run one side in another process; its seconds from start to end, and its accuracy on the test images."""
    command = [sys.executable, "-m", "benchmarks.retraining_sides", side, str(folder), str(epochs)]
    started = time.perf_counter()
    ended = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": "."})
    seconds = time.perf_counter() - started
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return {"seconds": seconds, "accuracy": found["accuracy"]}


def _print(found: dict[str, list[dict[str, float]]], options: argparse.Namespace) -> None:
    weights = "ImageNet" if options.weights else "random"
    print(f"{options.known} images known, {options.new} new, {options.test} to test on, {SIZE} pixels;")
    print(
        f"{BACKBONES[BACKBONE].title}, {weights} weights; {os.cpu_count()} cores, Python {platform.python_version()}.\n"
    )
    print("| retraining | seconds, process start included | accuracy on the test images |")
    print("| --- | ---: | ---: |")
    titles = {"fovea": "Fovea, mode head", "usual": f"the usual way, {options.epochs} epochs"}
    medians = {
        side: [median(each[name] for each in runs) for name in ("seconds", "accuracy")] for side, runs in found.items()
    }
    for side, (seconds, accuracy) in medians.items():
        print(f"| {titles[side]} | {seconds:.1f} | {accuracy:.3f} |")
    ratio = medians["usual"][0] / medians["fovea"][0]
    print(
        f"\nFovea is {ratio:.0f} times as fast;"
        f" its accuracy differs by {medians['fovea'][1] - medians['usual'][1]:+.3f}."
    )


if __name__ == "__main__":
    main()
