"""What the audit says: records of what was found, how grave it is, and what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from app.classifiers.spec import Split

Severity = Literal["critical", "warning", "notice"]
SHOWN: Final = 100  # files and pairs of a finding that are listed; `count` says how many there are
IMBALANCE: Final = 3.0
SMALL_SIDE: Final = 64
ODD_ASPECT: Final = 3.0


@dataclass(frozen=True)
class Picture:
    """An image as the audit knows it."""

    sha256: str
    filename: str
    label: str
    split: Split | None
    group: str
    width: int
    height: int


@dataclass(frozen=True)
class Finding:
    """One thing that was found: `count` of it; `files` and `pairs` are the first SHOWN; `message` ends in advice."""

    kind: str
    severity: Severity
    count: int
    message: str
    files: list[str] = field(default_factory=list)
    pairs: list[dict[str, Any]] = field(default_factory=list)

    def as_record(self) -> dict[str, Any]:
        """The finding as JSON says it, without lists that are empty."""
        record = asdict(self) | {"files": self.files[:SHOWN], "pairs": self.pairs[:SHOWN]}
        return {name: value for name, value in record.items() if value != []}


def imbalance(pictures: Sequence[Picture], classes: Sequence[str]) -> list[Finding]:
    """A class that has more than IMBALANCE times the images of another."""
    counts = Counter(dict.fromkeys(classes, 0)) + Counter(picture.label for picture in pictures)
    ordered = sorted(classes, key=lambda name: counts[name])
    least, most = ordered[0], ordered[-1]
    if not pictures or counts[most] <= IMBALANCE * counts[least]:
        return []
    message = f"{most} has {counts[most]} images and {least} only {counts[least]}; add images of {least}."
    return [Finding("imbalance", "warning", counts[most] - counts[least], message)]


def patients_on_both_sides(pictures: Sequence[Picture]) -> list[Finding]:
    """Patients whom the given folders put into more than one split."""
    splits: dict[str, set[Split]] = {}
    for picture in pictures:
        if picture.split:
            splits.setdefault(picture.group, set()).add(picture.split)
    leaking = {group for group, found in splits.items() if len(found) > 1}
    if not leaking:
        return []
    files = [picture.filename for picture in pictures if picture.group in leaking]
    message = (
        f"{len(leaking)} patients are in more than one split, which would flatter the test; Fovea leaves their"
        " training images out. Move them to one side."
    )
    return [Finding("patients_on_both_sides", "warning", len(leaking), message, files)]


def odd_sizes(pictures: Sequence[Picture]) -> list[Finding]:
    """Images that are tiny, or far from square."""
    tiny = [each.filename for each in pictures if min(each.width, each.height) < SMALL_SIDE]
    odd = [
        each.filename for each in pictures if max(each.width, each.height) > ODD_ASPECT * min(each.width, each.height)
    ]
    found = []
    if tiny:
        message = f"{len(tiny)} images are under {SMALL_SIDE} pixels wide or high; send larger ones in their place."
        found.append(Finding("tiny_images", "warning", len(tiny), message, tiny))
    if odd:
        message = (
            f"{len(odd)} images are over {ODD_ASPECT:.0f} times as long as wide; look whether they are cut wrongly."
        )
        found.append(Finding("odd_shapes", "notice", len(odd), message, odd))
    return found


_LEFT_OUT: Final[dict[str, tuple[str, Severity, str]]] = {
    "unreadable": ("corrupt_files", "warning", "cannot be read and are not in the dataset; save them anew"),
    "duplicate": ("exact_duplicates", "notice", "are byte for byte the same as others; each image is kept once"),
    "conflict": ("conflicting_labels", "critical", "have the same bytes as an image of another class; settle which"),
    "unlabelled": ("unlabelled_files", "notice", "have no label and are not in the dataset; name their class"),
}


def left_out(files: Sequence[tuple[str, str, str]]) -> list[Finding]:
    """Files (kind, path, reason) that were offered and are not in the dataset."""
    found = []
    for kind, (name, severity, text) in _LEFT_OUT.items():
        names = [f"{path}: {reason}" for found_kind, path, reason in files if found_kind == kind]
        if names:
            found.append(Finding(name, severity, len(names), f"{len(names)} files {text}.", names))
    return found
