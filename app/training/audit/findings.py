"""The findings of an audit: what was found, how severe it is, and what to do about it."""

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
SAMPLES: Final = 8  # pictures of a class that show what is meant


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
    """One thing that was found: `count` of it; `files` and `pairs` are the first SHOWN; `message` ends in advice.

    `images` are the SHA-256 of pictures that show it: of the files, of one pair after the other, or of the class meant.
    """

    kind: str
    severity: Severity
    count: int
    message: str
    files: list[str] = field(default_factory=list)
    pairs: list[dict[str, Any]] = field(default_factory=list)
    images: list[str] = field(default_factory=list)

    def as_record(self) -> dict[str, Any]:
        """The finding as JSON says it, without lists that are empty."""
        record = asdict(self) | {name: getattr(self, name)[:SHOWN] for name in ("files", "pairs", "images")}
        return {name: value for name, value in record.items() if value != []}


def imbalance(pictures: Sequence[Picture], classes: Sequence[str]) -> list[Finding]:
    """A class that has more than IMBALANCE times the images of another."""
    counts = Counter(dict.fromkeys(classes, 0)) + Counter(picture.label for picture in pictures)
    ordered = sorted(classes, key=lambda name: counts[name])
    least, most = ordered[0], ordered[-1]
    if not pictures or counts[most] <= IMBALANCE * counts[least]:
        return []
    message = f"{most} has {counts[most]} images and {least} only {counts[least]}; add images of {least}."
    images = of_class(pictures, least)
    return [Finding("imbalance", "warning", counts[most] - counts[least], message, images=images)]


def patients_on_both_sides(pictures: Sequence[Picture]) -> list[Finding]:
    """Patients that the folders put into more than one split."""
    splits: dict[str, set[Split]] = {}
    for picture in pictures:
        if picture.split:
            splits.setdefault(picture.group, set()).add(picture.split)
    leaking = {group for group, found in splits.items() if len(found) > 1}
    if not leaking:
        return []
    found = sorted((each for each in pictures if each.group in leaking), key=lambda each: each.group)
    message = (
        f"{len(leaking)} patients are in more than one split, which would flatter the test; Fovea leaves their"
        " training images out. Move them to one side."
    )
    return [_of("patients_on_both_sides", "warning", message, found, len(leaking))]


def odd_sizes(pictures: Sequence[Picture]) -> list[Finding]:
    """Images that are tiny, or far from square."""
    tiny = [each for each in pictures if min(each.width, each.height) < SMALL_SIDE]
    odd = [each for each in pictures if max(each.width, each.height) > ODD_ASPECT * min(each.width, each.height)]
    found = []
    if tiny:
        message = f"{_number(len(tiny), 'image')} under {SMALL_SIDE} pixels wide or high: send larger ones."
        found.append(_of("tiny_images", "warning", message, tiny))
    if odd:
        message = f"{_number(len(odd), 'image')} over {ODD_ASPECT:.0f} times as long as wide: look for a wrong cut."
        found.append(_of("odd_shapes", "notice", message, odd))
    return found


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def of_class(pictures: Sequence[Picture], label: str) -> list[str]:
    """The SHA-256 of at most SAMPLES pictures of a class, evenly spread."""
    found = [each.sha256 for each in pictures if each.label == label]
    return found[:: -(-len(found) // SAMPLES) or 1]


def _of(kind: str, severity: Severity, message: str, found: Sequence[Picture], count: int | None = None) -> Finding:
    """A finding about these pictures; `count` where it counts something else than them."""
    files, images = [each.filename for each in found], [each.sha256 for each in found]
    return Finding(kind, severity, len(found) if count is None else count, message, files, images=images)


_LEFT_OUT: Final[dict[str, tuple[str, Severity, str]]] = {
    "unreadable": ("corrupt_files", "warning", "cannot be read and did not join the dataset; save the image again"),
    "duplicate": ("exact_duplicates", "notice", "came again, byte for byte the same; each image is kept once"),
    "conflict": ("conflicting_labels", "critical", "came again with the label of another class; settle which is right"),
    "unlabelled": ("unlabelled_files", "notice", "came without a label and did not join the dataset; name the class"),
}


def left_out(files: Sequence[tuple[str, str, str]]) -> list[Finding]:
    """Files (kind, path, reason) that were offered and are not in the dataset."""
    found = []
    for kind, (name, severity, text) in _LEFT_OUT.items():
        names = [f"{path}: {reason}" for found_kind, path, reason in files if found_kind == kind]
        if names:
            found.append(Finding(name, severity, len(names), f"{_number(len(names), 'file')} {text}.", names))
    return found
