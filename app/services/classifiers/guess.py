"""Finds the classes of a new classifier in the names of its images: folders, else the beginnings of file names."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from app.classifiers.spec import ClassifierSpec, Split
from app.errors import InvalidInput
from app.paths import is_system_file, relative_path
from app.services.datasets.uploads import Announced, read_names
from app.training.data.tables import SUFFIXES

MAX_CLASSES: Final = 1000  # as many as a spec may have
MAX_PREFIXES: Final = 50  # more of them are names, no classes
_SPLITS: Final[dict[str, Split]] = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test",
    "testing": "test",
}  # fmt: skip
_PREFIX: Final = re.compile(r"([^\W\d_]+(?:[ ._-]+[^\W\d_]+)*?)[ ._(-]*\d")


def guess(paths: Iterable[str]) -> dict[str, Any]:
    """Return the fields `classes` and `data` of a spec that reads these images.

    The classes are the folders of the outermost level at which there are several, folders of splits left out; without
    such, what file names begin with before a number. InvalidInput when neither gives two classes.
    """
    kept = (PurePosixPath(path) for path in map(relative_path, paths) if not is_system_file(path))
    images = [path for path in kept if path.suffix.lower() in SUFFIXES]
    if not images:
        raise InvalidInput("There is no image among the files; send JPEG, PNG, BMP, TIFF or WebP images.")
    labels, convention = _folders(images), "folders"
    if len(labels) < 2:  # noqa: PLR2004 - a classifier tells at least two classes apart
        labels, convention = _prefixes(images), "prefix"
    names: dict[str, str] = {}
    for label in labels:
        names.setdefault(_name(label), label)
    if len(names) < 2:  # noqa: PLR2004 - as above
        raise InvalidInput(
            "No classes can be told from the names: put the images of each class into a folder of its own,"
            " named like the class, and send the folder that holds them all."
        )
    if len(names) > MAX_CLASSES:
        raise InvalidInput(f"There are {len(names)} folders side by side; a classifier has at most {MAX_CLASSES}.")
    data: dict[str, Any] = {"convention": convention}
    if mapped := {label: _name(label) for label in labels if _plain(label) != _name(label)}:
        data["label_map"] = mapped
    if splits := {part.lower(): _SPLITS[part.lower()] for path in images for part in path.parent.parts if _split(part)}:
        data["split_folders"] = {"train": "train", "val": "val", "test": "test"} | splits
    return {"classes": [{"name": name, "title": _title(label)} for name, label in names.items()], "data": data}


def preview(paths: Sequence[str]) -> dict[str, Any]:
    """Return the guess, and what each file would be read as by it. Raises as `guess` does."""
    found = guess(paths)
    spec = ClassifierSpec.model_validate({"name": "new", "title": "New", "description": "", **found})
    return read_names(spec, Announced(paths, {})) | found


def _folders(images: Sequence[PurePosixPath]) -> list[str]:
    """Return the folders of the outermost level that has several, in order; those of splits are no level."""
    paths = {tuple(part for part in path.parent.parts if not _split(part)) for path in images}
    for depth in range(max(map(len, paths), default=0)):
        found = {path[depth] for path in paths if len(path) > depth}
        if len(found) > 1:
            return sorted(found)
    return []


def _prefixes(images: Sequence[PurePosixPath]) -> list[str]:
    """Return what several file names each begin with before a number; nothing when these are too many."""
    begun = Counter(found[1].lower() for path in images if (found := _PREFIX.match(path.stem)))
    several = sorted(prefix for prefix, count in begun.items() if count > 1)
    return several if len(several) <= MAX_PREFIXES else []


def _split(part: str) -> bool:
    return part.lower() in _SPLITS


def _name(label: str) -> str:
    """Return the name of a class for a folder's: a to z, 0 to 9 and _, a letter first."""
    letters = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", letters).strip("_")
    return (name if name[:1].isalpha() else f"class_{name}".rstrip("_"))[:40].rstrip("_")


def _plain(label: str) -> str:
    """Return a folder's name as labels are compared; see `app.classifiers.labels`."""
    return re.sub(r"[\s._-]+", "_", label.strip().lower())


def _title(label: str) -> str:
    title = re.sub(r"[\s._-]+", " ", label).strip() or label
    return (title[:1].upper() + title[1:])[:120]
