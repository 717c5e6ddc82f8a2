"""Finding the files that a command is given, and working on many of them at once."""

from __future__ import annotations

import glob
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from app.paths import is_system_file, natural_key
from app.training.data.tables import SUFFIXES

THREADS: Final = min(8, os.cpu_count() or 1)  # decoding and inference release the interpreter's lock
AHEAD: Final = 4 * THREADS  # files begun before their turn, which bounds the memory

T = TypeVar("T")
R = TypeVar("R")


def gather(names: Sequence[str]) -> list[Path]:
    """Return the files meant: files as they are, the images below folders, what a pattern fits, each in order.

    A name that nothing fits stays, so that it can be told.
    """
    return [path for name in names for path in _meant(name)]


def in_order(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Yield the results of `work` in the items' order, a few of them made at the same time."""
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _meant(name: str) -> list[Path]:
    path = Path(name)
    if path.is_dir():
        return _images_below(path)
    found = [] if path.exists() else [Path(each) for each in sorted(glob.glob(name, recursive=True))]  # noqa: PTH207 - it may begin anywhere
    return [inside for each in found for inside in (_images_below(each) if each.is_dir() else [each])] or [path]


def _images_below(folder: Path) -> list[Path]:
    """The images in a folder and all below it, in natural order, but for those of the operating system."""
    names = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES}
    found = (name for name in sorted(names, key=natural_key) if not is_system_file(name))
    return [names[name] for name in found if names[name].is_file()]
