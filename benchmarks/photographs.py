"""Photographs for the benchmarks: labelled ones in folders, and images that no classifier knows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from app.classifiers import Card, ClassifierSpec
from app.drawing import draw
from app.inference.arrays import Pixels
from app.training.data.datasets import scan
from app.training.data.splits import assign, leaks
from app.training.data.tables import SUFFIXES
from app.training.progress import silent
from app.training.trainer import Plan, Sample, train

SEED = 2024
SIDE = 512  # of what is made here


def divided(spec: ClassifierSpec, folder: Path) -> tuple[Sample, ...]:
    """The classifier's images in a folder, divided as training divides them; groups stay whole."""
    items = scan(folder, spec).items
    splits = assign([(each.label, each.group) for each in items], spec.training.seed, given=[i.split for i in items])
    parted = set(leaks([each.group for each in items], splits))
    return tuple(
        Sample(each.path, hashlib.sha256(each.path.read_bytes()).hexdigest(), each.label, split, each.group)
        for row, (each, split) in enumerate(zip(items, splits, strict=True))
        if row not in parted
    )


def trained(spec: ClassifierSpec, samples: tuple[Sample, ...], weights: Path, cache: Path, bundle: Path) -> Card:
    """Train as the classifier's file says where its pretrained weights are at hand."""
    own = spec.training
    backbone, mode = own.pretrained or own.backbone, "head" if own.pretrained else own.mode
    plan = Plan(
        spec, samples, backbone, mode, own.epochs, own.seed, "benchmark",
        weights_dir=weights, cache_dir=cache,
    )  # fmt: skip
    return train(plan, bundle, silent)


def files(folder: Path, most: int) -> list[bytes]:
    """At most so many images of a folder, evenly spread."""
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    rows = np.unique(np.linspace(0, len(found) - 1, min(most, len(found))).astype(int))
    return [found[row].read_bytes() for row in rows]


def drawn(spec: ClassifierSpec, most: int) -> list[bytes]:
    """Drawings of the classifier's classes in turn."""
    subjects = [str(item.drawing) for item in spec.classes]
    return [draw(subjects[row % len(subjects)], SEED + row, SIDE).jpeg() for row in range(most)]


def noise(most: int) -> list[bytes]:
    """Noise, from that of single pixels to clouds as large as a quarter of the image, in grey and in colour."""
    return [_encoded(image) for image in _noise(most)]


def _noise(most: int) -> Iterator[Pixels]:
    random = np.random.default_rng(SEED)
    for row in range(most):
        grain = SIDE >> (row % 8)
        values = random.uniform(0, 255, (grain, grain, 3 if row % 2 else 1)).astype(np.float32)
        large = cv2.resize(values, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC).reshape(SIDE, SIDE, -1)
        yield np.broadcast_to(large, (SIDE, SIDE, 3)).clip(0, 255).astype(np.uint8)


def blank(most: int) -> list[bytes]:
    """Images of one colour: greys from black to white, then any."""
    random = np.random.default_rng(SEED)
    greys = np.repeat(np.linspace(0, 255, most // 2)[:, None], 3, axis=1)
    colours = np.concatenate([greys, random.uniform(0, 255, (most - len(greys), 3))]).astype(np.uint8)
    return [_encoded(np.full((SIDE, SIDE, 3), colour, np.uint8)) for colour in colours]


def _encoded(rgb: Pixels) -> bytes:
    return cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes()
