"""Reads labels and patients out of folder names, file names and label columns."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import PurePosixPath

from app.classifiers.spec import ClassifierSpec
from app.errors import InvalidInput


def match_label(spec: ClassifierSpec, text: str) -> str | None:
    """Return the class that a label as found means, or None when it is dropped or names no class.

    The label map is asked first; class names are compared without regard to case, spaces, dots and hyphens.
    """
    if text in spec.data.label_map:
        return spec.data.label_map[text]
    plain = _plain(text)
    return next((name for name in spec.class_names if _plain(name) == plain), None)


def label_from_path(spec: ClassifierSpec, path: str) -> str | None:
    """Return the class named by the nearest folder that names one, else by the file name's prefix, else None."""
    parts = PurePosixPath(path)
    for folder in reversed(parts.parent.parts):
        if (label := match_label(spec, folder)) is not None:
            return label
    return _label_from_prefix(spec, _plain(parts.name))


def _label_from_prefix(spec: ClassifierSpec, name: str) -> str | None:
    """Return the longest label that the plain name begins with, no letter following it.

    A number at the beginning is a patient's or a picture's, never a label.
    """
    named = (label for label in (*spec.data.label_map, *spec.class_names) if not label[:1].isdecimal())
    labels = sorted(named, key=len, reverse=True)
    found = (label for label in labels if re.match(rf"{re.escape(_plain(label))}(?![a-z])", name))
    return next((match_label(spec, label) for label in found), None)


def group_of(spec: ClassifierSpec, filename: str) -> str | None:
    """Return the patient that the file name names, or None."""
    pattern = spec.data.group_pattern
    found = re.search(pattern, PurePosixPath(filename).stem) if pattern else None
    return found.group(1) if found else None


@lru_cache(maxsize=1024)  # the names of classes and folders are the same for thousands of files
def _plain(text: str) -> str:
    return re.sub(r"[\s._-]+", "_", text.strip().lower())


def known_label(spec: ClassifierSpec, label: str) -> str:
    """Return the class that a label names, in the classifier's own spelling; InvalidInput when it is none."""
    known = match_label(spec, label)
    if known is None:
        raise InvalidInput(f"{label!r} is no class of {spec.name}; choose one of: {', '.join(spec.class_names)}.")
    return known
