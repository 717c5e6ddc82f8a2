"""Says what an upload would be read as, by its names and tables alone: nothing is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from app.classifiers.catalog import Catalog
from app.classifiers.labels import known_label
from app.classifiers.spec import ClassifierSpec, Split
from app.errors import InvalidInput
from app.paths import is_system_file, relative_path
from app.runners import Run
from app.services.datasets.archive import is_archive
from app.services.datasets.intake import UNSPLIT, known_split
from app.training.data.datasets import Reading, interpret

MAX_NAMES: Final = 50_000  # of one call


@dataclass(frozen=True)
class Announced:
    """An upload that is to come: its files' names, its tables' texts by name; perhaps a label and a split for all."""

    files: Sequence[str]
    tables: Mapping[str, str]
    label: str | None = None
    split: str | None = None


class Preview:
    """The use case of looking at an upload before it is sent."""

    def __init__(self, catalog: Catalog, run_cpu_bound: Run) -> None:
        self._catalog = catalog
        self._run_cpu_bound = run_cpu_bound

    def read(self, classifier: str, announced: Announced) -> dict[str, Any]:
        """Return what each file would be read as, by the code that takes files in; and counts.

        InvalidInput for a label or split that there is not, and for a table that cannot be read or has no text here.
        """
        spec = self._catalog[classifier]
        label = None if announced.label is None else known_label(spec, announced.label)
        split = known_split(announced.split)
        return self._run_cpu_bound(lambda: read_names(spec, announced, label, split))


def read_names(
    spec: ClassifierSpec, announced: Announced, label: str | None = None, split: Split | None = None
) -> dict[str, Any]:
    """Return what a classifier of this spec would read each file as; see `Preview.read`."""
    sent = _by_path([*announced.files, *sorted(announced.tables.keys() - set(announced.files))])
    ignored = [path for path in sent if is_system_file(path)]
    kept = [path for path in sent if not is_system_file(path)]
    archives = [path for path in kept if is_archive(path)]
    texts = {relative_path(name): text for name, text in announced.tables.items()}
    reading = interpret([path for path in kept if not is_archive(path)], partial(_table, texts), spec, label)
    return {
        "classifier": spec.name,
        "convention": spec.data.convention,
        **_told(reading, sent, split),
        "tables": _names(sent, reading.tables),
        "archives": _names(sent, archives),
        "ignored": _names(sent, ignored),
    }


def _told(reading: Reading, sent: Mapping[str, Sequence[str]], split: Split | None) -> dict[str, Any]:
    """Return the images and the refused files by the names that they were sent under, and counts of both."""
    images = [
        {"file": name, "label": each.label, "split": split or each.split, "told_by": each.told_by}
        for each in reading.entries
        for name in sent[each.name]
    ]
    rejected = [
        {"file": name, "kind": each.kind, "reason": each.reason}
        for each in reading.refusals
        for name in sent[each.name]
    ]
    counts: dict[str, Counter[str]] = {}
    for entry in reading.entries:
        counts.setdefault(split or entry.split or UNSPLIT, Counter())[entry.label] += len(sent[entry.name])
    return {
        "images": images,
        "rejected": rejected,
        "counts": counts,
        "told_by": Counter(each["told_by"] for each in images),
        "kinds": Counter(each["kind"] for each in rejected),
    }


def _by_path(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the names as they were sent by the path that they mean."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(relative_path(name), []).append(name)
    return found


def _names(sent: Mapping[str, Sequence[str]], paths: Iterable[str]) -> list[str]:
    return [name for path in paths for name in sent[path]]


def _table(texts: Mapping[str, str], path: str) -> bytes:
    if path not in texts:
        raise InvalidInput(f"The text of the table {path} is missing; send it in 'tables', under its name.")
    return texts[path].encode(errors="replace")
