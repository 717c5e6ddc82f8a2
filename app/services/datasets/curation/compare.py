"""Two dataset versions compared: which images one has and the other has not, or has in another class or split."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from app.runners import Run
from app.services.datasets.versions import DatasetVersions
from app.training.data.manifest import Row

KINDS: Final = ("added", "removed", "relabelled", "moved")


class VersionComparison:
    """The use case of comparing versions."""

    def __init__(self, versions: DatasetVersions, run_cpu_bound: Run) -> None:
        self._versions = versions
        self._run_cpu_bound = run_cpu_bound

    def compare(self, classifier: str, one: str, other: str, limit: int) -> dict[str, Any]:
        """Return the counts of what `other` has changed from `one`, and the first `limit` images of each kind.

        Each may be PRESENT, the dataset as it is now. An image can be relabelled and moved. NotFound when there is no
        such version.
        """
        before, after = self._versions.rows(classifier, one), self._versions.rows(classifier, other)
        found: dict[str, Any] = self._run_cpu_bound(lambda: compare(before, after, limit))
        return {"classifier": classifier, "from": one, "to": other} | found


def compare(before: Iterable[Row], after: Iterable[Row], limit: int) -> dict[str, Any]:
    """Compare two manifests."""
    old, new = {row.sha256: row for row in before}, {row.sha256: row for row in after}
    both = [(row, new[sha256]) for sha256, row in old.items() if sha256 in new]
    lists: dict[str, list[dict[str, str]]] = {
        "added": [_plain(row) for sha256, row in new.items() if sha256 not in old],
        "removed": [_plain(row) for sha256, row in old.items() if sha256 not in new],
        "relabelled": [_step(a.sha256, a.label, b.label) for a, b in both if a.label != b.label],
        "moved": [_step(a.sha256, a.split, b.split) for a, b in both if a.split != b.split],
    }
    same = sum((a.label, a.split) == (b.label, b.split) for a, b in both)
    counts = {kind: len(lists[kind]) for kind in KINDS} | {"unchanged": same}
    return {"counts": counts} | {kind: lists[kind][:limit] for kind in KINDS}


def _plain(row: Row) -> dict[str, str]:
    return {"sha256": row.sha256, "label": row.label, "split": row.split}


def _step(sha256: str, before: str, after: str) -> dict[str, str]:
    return {"sha256": sha256, "before": before, "after": after}
