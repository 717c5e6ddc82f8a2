"""Files and folders that appear whole or not at all, and clearing away what a killed process left half-written."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

SHA256: Final = re.compile(r"[0-9a-f]{64}")
TEMPORARY_PREFIX: Final = ".new-"


def write_once(target: Path, data: bytes) -> None:
    """Write a file that appears whole or not at all; one that is there stays."""
    if not target.exists():
        write(target, data)


def write(target: Path, data: bytes) -> None:
    """Write a file that appears whole or not at all, in place of what is there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=TEMPORARY_PREFIX)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextmanager
def staging(parent: Path) -> Iterator[Path]:
    """Give a new folder in `parent` to fill and then rename; what is still there at the end is removed."""
    parent.mkdir(parents=True, exist_ok=True)
    folder, lock = _own_folder(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


@contextmanager
def moved_out(place: Path, target: Path) -> Iterator[None]:
    """Move what is at `place`, if anything, to `target`; it goes back when the block raises."""
    if place.exists():
        place.rename(target)
    try:
        yield
    except BaseException:
        if target.exists():
            target.rename(place)
        raise


def clear_staging(parent: Path) -> None:
    """Remove the folders in `parent` that a process was filling when it died."""
    for folder in parent.glob(f"{TEMPORARY_PREFIX}*"):
        lock = _lock(folder)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def clear_files(folder: Path, before: float) -> None:
    """Remove what was left half-written in `folder` and below before the timestamp; put back what was on its way out.

    `app.store.files` moves an image out of its place before it decides, and may have died in between.
    """
    for path in folder.rglob(f"{TEMPORARY_PREFIX}*"):
        with suppress(FileNotFoundError):  # its owner was faster
            place = path.with_name(path.name.removeprefix(TEMPORARY_PREFIX))
            if path.stat().st_ctime >= before:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            elif SHA256.fullmatch(place.name) and not place.exists():
                path.rename(place)
            else:
                path.unlink()


def _own_folder(parent: Path) -> tuple[Path, int]:
    """Make a folder whose lock says that its owner lives; the lock dies with the process."""
    while True:
        folder = Path(tempfile.mkdtemp(dir=parent, prefix=TEMPORARY_PREFIX))
        lock = _lock(folder)
        if lock is not None and folder.exists():
            return folder, lock
        if lock is not None:  # `clear_staging` came in between
            os.close(lock)


def _lock(folder: Path) -> int | None:
    """Lock a folder; None when another process holds it, or it is gone."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
