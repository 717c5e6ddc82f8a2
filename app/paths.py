"""Names of files as people send them: relative paths that lead nowhere else, and what operating systems add."""

from __future__ import annotations

import re
from typing import Final

MAX_PATH: Final = 1000  # characters of a path
MAX_DEPTH: Final = 32  # folders above a file
UNNAMED: Final = "unnamed"
_NOWHERE: Final = ("", ".", "..")
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_PIECES: Final = re.compile(r"\d+|[^\W\d_]+|[\W_]+")
_SYSTEM_FILES: Final = ("thumbs.db", "ehthumbs.db", "desktop.ini")  # .DS_Store and ._* are hidden files


def relative_path(name: str) -> str:
    """Return the relative path that a name as it was sent means, with "/" between its parts; never empty.

    A backslash counts as "/". Drive letters and parts that are empty, "." or ".." are dropped, and so are the outer
    folders beyond MAX_DEPTH or MAX_PATH.
    """
    parts = _parts(name.replace("\\", "/"))[-MAX_DEPTH - 1 :]
    parts = _parts(shortened("/".join(parts), MAX_PATH))
    while parts and _DRIVE.match(parts[0]):
        parts = _parts(parts[0][2:]) + parts[1:]
    return "/".join(parts) or UNNAMED


def shortened(path: str, most: int) -> str:
    """Return a path of at most so many characters: whole outer folders go first, then the base name's beginning."""
    if len(path) <= most:
        return path
    kept = path[-most:]
    return kept if path[-most - 1] == "/" else kept.partition("/")[2] or kept


def is_system_file(path: str) -> bool:
    """Whether an operating system put the file there: Thumbs.db, desktop.ini, __MACOSX/, and all that is hidden."""
    *folders, base = path.split("/")
    hidden = any(part.startswith(".") and part not in _NOWHERE for part in (*folders, base))
    return hidden or base.lower() in _SYSTEM_FILES or "__MACOSX" in folders


def natural_key(path: str) -> list[list[tuple[int, int, str]]]:
    """Return a key that sorts paths as people do: folder by folder, patient2 before patient10, whatever the case."""
    return [[_rank(piece) for piece in _PIECES.findall(part.casefold())] for part in path.split("/")]


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part.strip() not in _NOWHERE]


def _rank(piece: str) -> tuple[int, int, str]:
    if piece.isdecimal():
        return 1, int(piece), ""
    return (2 if piece.isalnum() else 0), 0, piece
