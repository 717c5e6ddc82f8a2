"""What the audit finds: copies made on purpose, then whole datasets. `python -m benchmarks.audit [--data FOLDER]`.

Without a folder it uses images that Fovea draws. FOLDER holds one folder of images for each dataset.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from app.drawing import draw
from app.errors import InvalidInput
from app.inference.arrays import Pixels
from app.inference.image.decode import decode
from app.training.audit import fingerprints
from app.training.audit.copies import Pair, find_pairs
from app.training.data.tables import SUFFIXES
from app.training.progress import silent

MOST: Final = 100  # originals of a dataset; every change is made to half of them
SUBJECTS: Final = ("fundus_normal", "fundus_glaucoma", "fundus_diabetic_retinopathy", "fundus_cataract")
SEED: Final = 7


def turn(image: Pixels, degrees: float, zoom: float = 1.0, shift: float = 0.0) -> Pixels:
    """Turn, zoom and shift an image within its frame."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, zoom)
    matrix[:, 2] += shift * width
    return np.asarray(cv2.warpAffine(image, matrix, (width, height)), np.uint8)


def light(image: Pixels, gain: float, offset: float) -> Pixels:
    """Change brightness and contrast."""
    return np.asarray(np.clip(image * gain + offset, 0, 255), np.uint8)


def noise(image: Pixels) -> Pixels:
    """Add noise of 8 grey levels."""
    changed = image + np.random.default_rng(SEED).normal(0, 8, image.shape)
    return np.asarray(np.clip(changed, 0, 255), np.uint8)


CHANGES: Final[Mapping[str, Callable[[Pixels], Pixels]]] = {
    "mirrored": lambda image: np.ascontiguousarray(image[:, ::-1]),
    "turned by 90 degrees": lambda image: np.ascontiguousarray(np.rot90(image)),
    "turned by 15 degrees": lambda image: turn(image, 15),
    "mirrored, turned by 40, zoomed by 1.1": lambda image: turn(np.ascontiguousarray(image[::-1]), 40, 1.1),
    "shifted by 5 %": lambda image: turn(image, 0, shift=0.05),
    "brighter": lambda image: light(image, 1.2, 15),
    "darker": lambda image: light(image, 0.6, 0),
    "noisy": noise,
    "blurred": lambda image: np.asarray(cv2.GaussianBlur(image, (0, 0), 0.006 * image.shape[1]), np.uint8),
    "half the size, JPEG quality 50": lambda image: np.asarray(cv2.resize(image, None, fx=0.5, fy=0.5), np.uint8),
    "squashed to 256 x 256": lambda image: np.asarray(cv2.resize(image, (256, 256)), np.uint8),
}


def encode(image: Pixels, quality: int = 85) -> bytes:
    """Return a JPEG file."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, quality))[1].tobytes()


def drawn() -> dict[str, list[bytes]]:
    """Return drawn images."""
    return {"drawn": [draw(SUBJECTS[number % 4], number).jpeg() for number in range(MOST)]}


def read(folder: Path) -> dict[str, list[bytes]]:
    """Return at most MOST images of each folder, evenly spread."""
    found = {}
    for each in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = sorted(path for path in each.rglob("*") if path.suffix.lower() in SUFFIXES)
        chosen = [files[place] for place in np.linspace(0, len(files) - 1, min(MOST, len(files))).astype(int)]
        found[each.name] = [path.read_bytes() for path in chosen]
    return found


def measure(name: str, originals: list[bytes]) -> None:
    """Print, for each change, how many copies were found, and how many pairs were no copies."""
    seen = [fingerprints.compute(data) for data in originals]
    known = {frozenset((pair.first, pair.second)) for pair in _pairs(seen)}
    print(f"\n{name}: {len(originals)} images; pairs that show the same before any copy was made: {len(known)}")
    for change, make in CHANGES.items():
        rows = range(0, len(originals), 2)
        copies = [
            fingerprints.compute(encode(make(decode(originals[row]).pixels), 50 if "50" in change else 85))
            for row in rows
        ]
        found = {frozenset((pair.first, pair.second)) for pair in _pairs([*seen, *copies])} - known
        wanted = {frozenset((row, len(seen) + place)) for place, row in enumerate(rows)}
        print(f"| {name} | {change} | {len(found & wanted)} of {len(wanted)} | {len(found - wanted)} |", flush=True)


def _pairs(seen: list[bytes]) -> list[Pair]:
    return find_pairs(fingerprints.read(seen), np.arange(len(seen)), silent)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a folder of folders of images")
    folder = parser.parse_args().data
    if folder is not None and not folder.is_dir():
        raise InvalidInput(f"There is no folder {folder}.")
    print("| images | change | copies found | other pairs |\n| --- | --- | --- | --- |")
    for name, originals in (read(folder) if folder else drawn()).items():
        start = time.monotonic()
        measure(name, originals)
        print(f"{time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
