"""Where a bundle comes from: its data, its code, its libraries."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import distributions
from pathlib import Path

from app.classifiers.card import DataFingerprint
from app.classifiers.spec import SPLITS
from app.training.data import manifest
from app.training.data.samples import Sample

LIBRARIES = frozenset(
    {"keras", "tensorflow", "tensorflow-cpu", "onnx", "onnxruntime", "numpy", "scikit-learn", "pillow"}
    | {"opencv-python-headless"}
)


def code_revision() -> str:
    """The commit of the checkout that runs; "unknown" outside a checkout or without git."""
    git = shutil.which("git")
    if git is None:
        return "unknown"
    command = [git, "-C", str(Path(__file__).parent), "rev-parse", "--verify", "--quiet", "HEAD"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # fixed arguments
    return found.stdout.strip() or "unknown"


def library_versions() -> dict[str, str]:
    """The versions of Python and of the libraries that shape a model; one that is not installed is left out."""
    found = {dist.name.lower(): dist.version for dist in distributions() if dist.name.lower() in LIBRARIES}
    return {"python": platform.python_version(), **found}


def file_hashes(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The SHA-256 of each file of `folder`."""
    hashes = {}
    for name in names:
        with (folder / name).open("rb") as file:
            hashes[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return hashes


def images_sha256(samples: Iterable[Sample]) -> str:
    """One hash for a set of labelled images and their splits, whatever their order."""
    lines = sorted(f"{each.sha256} {each.label} {each.split}" for each in samples)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def fingerprint(samples: Sequence[Sample], classes: Sequence[str], source: str) -> DataFingerprint:
    """The card's record of the data; its hash is the id of the dataset version."""
    pairs = Counter((each.split, each.label) for each in samples)
    counts = {split: {name: pairs[split, name] for name in classes} for split in SPLITS}
    return DataFingerprint(sha256=manifest.identify(manifest.of(samples)), counts=counts, source=source)
