"""Reads a folder of labelled images by the convention that the classifier's YAML file names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from app.classifiers import ClassifierSpec
from app.classifiers.labels import group_of, label_from_path, match_label
from app.classifiers.spec import DataSpec, Split
from app.errors import InvalidInput
from app.training.tables import read_table

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
ARCHIVE_LITTER = "__MACOSX"


@dataclass(frozen=True)
class Item:
    """A usable image: `split` is None where the folder does not say; images of one `group` must not be parted."""

    path: Path
    label: str
    split: Split | None
    group: str


@dataclass(frozen=True)
class Scan:
    """What a folder holds: the usable images, and every other file with the reason why it is left out."""

    items: list[Item]
    rejected: list[tuple[str, str]]


def scan(folder: Path, spec: ClassifierSpec) -> Scan:
    """List the images of `folder` with their classes; InvalidInput when it is missing or nothing is usable."""
    if not folder.is_dir():
        raise InvalidInput(f"There is no folder {folder}; give the folder that holds the images.")
    found, read = Scan([], []), _reader(folder, spec)
    for path in _files(folder, spec.data):
        name = path.relative_to(folder)
        text = read(name) if path.suffix.lower() in SUFFIXES else None
        label = None if text is None else match_label(spec, text)
        if label is None:
            found.rejected.append((name.as_posix(), _reason(name, text, spec)))
        else:
            split = _split_of(name, spec.data)
            found.items.append(Item(path, label, split, group_of(spec, name.name) or path.stem))
    if not found.items:
        first = "; {}: {}".format(*found.rejected[0]) if found.rejected else ""
        raise InvalidInput(f"{folder} holds no image that the classifier {spec.name} can use{first}.")
    return found


def _reader(folder: Path, spec: ClassifierSpec) -> Callable[[Path], str | None]:
    """A function from a relative path to its label as the convention finds it, None where it finds none."""
    if spec.data.convention == "csv" and spec.data.csv:
        table = read_table(folder, spec.data.csv)
        return lambda name: table.get(name.name.lower())
    if spec.data.convention == "prefix":
        return lambda name: label_from_path(spec, name.name)
    return lambda name: next((part for part in reversed(name.parts[:-1]) if _is_label(spec, part)), None)


def _is_label(spec: ClassifierSpec, text: str) -> bool:
    """Whether it names a class, or one that the label map drops."""
    return match_label(spec, text) is not None or text in spec.data.label_map


def _split_of(name: Path, data: DataSpec) -> Split | None:
    """The split that the outermost split folder of a relative path names, whatever its case; None without one."""
    splits = {folder.lower(): split for folder, split in data.split_folders.items()}
    return next((splits[part.lower()] for part in name.parts[:-1] if part.lower() in splits), None)


def _files(folder: Path, data: DataSpec) -> Iterator[Path]:
    """Every file below `folder` in order, but hidden ones, what macOS adds to archives, and the table."""
    table = folder / data.csv.file if data.csv else None
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        litter = any(part.startswith(".") or part == ARCHIVE_LITTER for part in parts)
        if path.is_file() and not litter and path != table:
            yield path


def _reason(name: Path, text: str | None, spec: ClassifierSpec) -> str:
    """Why a file is left out, for people."""
    if name.suffix.lower() not in SUFFIXES:
        return "not an image file; Fovea reads jpg, png, bmp, tiff and webp"
    if text is None:
        where = {"folders": "no folder of it names", "prefix": "its name begins with no", "csv": "the table has no"}
        return f"no label: {where[spec.data.convention]} class of {spec.name}"
    if text in spec.data.label_map:
        return f"the label {text!r} is left out by the label map"
    return f"the label {text!r} is no class of {spec.name}"
