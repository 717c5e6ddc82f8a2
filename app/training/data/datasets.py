"""Reads labelled images, in a folder or an archive, by the convention that the classifier's YAML file names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from app.classifiers import ClassifierSpec
from app.classifiers.labels import group_of, label_from_path, match_label
from app.classifiers.spec import DataSpec, Split
from app.errors import InvalidInput, TooLarge
from app.paths import is_system_file
from app.training.data.tables import MAX_BYTES, MAX_ROWS, SUFFIXES, Columns, Table, read_table

TABLE = ".csv"
Reader = Callable[[str], bytes]
ToldBy = Literal["label", "table", "folder", "name"]


@dataclass(frozen=True)
class Entry:
    """A usable image by its path: `split` is None where no folder says; `group`, its patient, where no name does.

    `told_by` is what gave the label: the one label for all, a table, a folder, or the file's name.
    """

    name: str
    label: str
    split: Split | None
    group: str | None
    told_by: ToldBy


@dataclass(frozen=True)
class Refusal:
    """A file that is left out: `kind` is not_an_image, unlabelled, dropped or filtered; `reason` a sentence."""

    name: str
    kind: str
    reason: str


class Reading(NamedTuple):
    """What was found among files: the usable images, the files that are left out, and the tables that were read."""

    entries: list[Entry]
    refusals: list[Refusal]
    tables: list[str]


@dataclass(frozen=True)
class Item:
    """A usable image of a folder; images of one `group` stay in one split."""

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
    names = [name for name in list_files(folder) if not is_system_file(name)]
    found, refused, _ = interpret(names, lambda name: (folder / name).read_bytes(), spec)
    if not found:
        first = f"; {refused[0].name}: {refused[0].reason}" if refused else ""
        raise InvalidInput(f"{folder} holds no image that the classifier {spec.name} can use{first}.")
    items = [Item(folder / each.name, each.label, each.split, each.group or each.name) for each in found]
    return Scan(items, [(each.name, each.reason) for each in refused])


def list_files(folder: Path) -> list[str]:
    """Every file below `folder`, in order; InvalidInput when there is no such folder."""
    if not folder.is_dir():
        raise InvalidInput(f"There is no folder {folder}; give the folder that holds the images.")
    return [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]


def interpret(names: Sequence[str], read: Reader, spec: ClassifierSpec, label: str | None = None) -> Reading:
    """Find the images among the files, and their classes by convention; with `label` all have that class.

    `read` gives the bytes of a table.
    """
    tables = _Tables(names, read, spec.data)
    entries, refusals = [], []
    for name in names:
        if name in tables.names:
            continue
        path = PurePosixPath(name)
        found, told_by = (label, "label") if label else _find_label(path, spec, tables)
        refusal = _refuse(path, found, spec, tables)
        if refusal is not None:
            refusals.append(refusal)
        elif found is not None:
            own = label or match_label(spec, found) or found
            entries.append(Entry(name, own, _split_of(path, spec.data), group_of(spec, path.name), told_by))
    return Reading(entries, refusals, sorted(tables.names))


class _Tables:
    """The tables among the files: each rules the folder it lies in, and those below."""

    def __init__(self, names: Sequence[str], read: Reader, data: DataSpec) -> None:
        there, quality = set(names), data.quality
        self._bytes = read
        self._bytes_left, self._rows_left = MAX_BYTES, MAX_ROWS
        self._labels: dict[str, Table] = {}
        self._quality: dict[str, Table] = {}
        self.names: set[str] = set()
        for folder in {str(PurePosixPath(name).parent) for name in names if name.lower().endswith(TABLE)}:
            form = next((each for each in data.csv if _join(folder, each.file) in there), None)
            if form and data.convention == "csv":
                columns = Columns(form.image_column, form.label_column, form.extension)
                self._labels[folder] = self._read(folder, form.file, columns)
            if quality and _join(folder, quality.file) in there:
                columns = Columns(quality.image_column, quality.quality_column)
                self._quality[folder] = self._read(folder, quality.file, columns)

    def label(self, path: PurePosixPath) -> tuple[bool, str | None]:
        """Whether a table rules this image, and what it says."""
        table = _ruling(self._labels, path)
        return table is not None, None if table is None else table.get(path.name)

    def quality(self, path: PurePosixPath) -> str | None:
        """The image's quality, where a table says."""
        table = _ruling(self._quality, path)
        return None if table is None else table.get(path.name)

    def _read(self, folder: str, file: str, columns: Columns) -> Table:
        name = _join(folder, file)
        self.names.add(name)
        data = self._bytes(name)
        self._bytes_left -= len(data)
        if self._bytes_left < 0:
            raise TooLarge(f"{name} is too large; all tables of a call may have {MAX_BYTES // 10**6} MB in all.")
        table = read_table(name, data, columns, self._rows_left)
        self._rows_left -= table.rows
        return table


def _ruling(tables: Mapping[str, Table], path: PurePosixPath) -> Table | None:
    """The table of the nearest folder above that has one."""
    if not tables:
        return None
    return next((tables[str(folder)] for folder in path.parents if str(folder) in tables), None)


def _join(folder: str, file: str) -> str:
    return str(PurePosixPath(folder) / file)


def _find_label(path: PurePosixPath, spec: ClassifierSpec, tables: _Tables) -> tuple[str | None, ToldBy]:
    """The label as found, and by what: by the table that rules the image, else by folder or prefix.

    Of the latter two, the convention's way comes first.
    """
    ruled, text = tables.label(path)
    if ruled:
        return text, "table"
    folder = next((part for part in reversed(path.parent.parts) if _is_label(spec, part)), None)
    if folder is not None and spec.data.convention != "prefix":
        return folder, "folder"
    prefix = label_from_path(spec, path.name)
    return (folder, "folder") if prefix is None and folder is not None else (prefix, "name")


def _is_label(spec: ClassifierSpec, text: str) -> bool:
    """Whether it names a class, or one that the label map drops."""
    return match_label(spec, text) is not None or text in spec.data.label_map


def _split_of(path: PurePosixPath, data: DataSpec) -> Split | None:
    """The split that the outermost split folder of a path names, whatever its case; None without one."""
    splits = {folder.lower(): split for folder, split in data.split_folders.items()}
    return next((splits[part.lower()] for part in path.parent.parts if part.lower() in splits), None)


def _refuse(path: PurePosixPath, text: str | None, spec: ClassifierSpec, tables: _Tables) -> Refusal | None:
    """Why a file is left out, if it is."""
    name, quality = str(path), tables.quality(path)
    if path.suffix.lower() not in SUFFIXES:
        known = _known_tables(spec) if path.suffix.lower() == TABLE else ""
        return Refusal(name, "not_an_image", f"not an image file{known}; Fovea reads jpg, png, bmp, tiff and webp")
    if text is None:
        missing = "the table does not name it" if tables.label(path)[0] else _unnamed(spec)
        return Refusal(name, "unlabelled", f"no label: {missing}")
    if text in spec.data.label_map and spec.data.label_map[text] is None:
        return Refusal(name, "dropped", f"the label {text!r} is left out by the label map")
    if match_label(spec, text) is None:
        return Refusal(name, "unlabelled", f"the label {text!r} is no class of {spec.name}")
    if spec.data.quality and quality in spec.data.quality.drop:
        return Refusal(name, "filtered", f"its quality is {quality!r} in {spec.data.quality.file}")
    return None


def _known_tables(spec: ClassifierSpec) -> str:
    labels = [each.file for each in spec.data.csv] if spec.data.convention == "csv" else []
    files = labels + ([spec.data.quality.file] if spec.data.quality else [])
    return f", and {spec.name} reads " + (f"the tables {', '.join(files)} alone" if files else "no tables")


def _unnamed(spec: ClassifierSpec) -> str:
    tables = "".join(f"no table {each.file}, " for each in spec.data.csv)
    return f"{tables}neither a folder nor the beginning of its name is one of {', '.join(spec.class_names)}"
