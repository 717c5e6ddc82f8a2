"""Progress bars and JSON output, which all commands share."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from app.training.progress import Progress


@contextmanager
def progress_bar(title: str) -> Iterator[Progress]:
    """Yield a Progress that draws a bar on standard error."""
    with click.progressbar(length=100, label=title, file=sys.stderr) as bar:

        def show(stage: str, done: int, total: int, epoch: dict[str, float] | None = None) -> None:
            del epoch
            bar.label = f"{title}: {stage}"
            bar.update(100 * done // max(total, 1) - bar.pos)

        yield show


def echo_json(value: Any) -> None:  # noqa: ANN401 - anything that JSON can say
    """Print a value as indented JSON."""
    click.echo(json.dumps(value, indent=2))
