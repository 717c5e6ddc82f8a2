"""Progress bars and JSON output, which all commands share."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click

from app.logs import printable
from app.services.jobs.estimate import Estimate
from app.training.progress import Progress

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@contextmanager
def progress_bar(title: str, expected: Mapping[str, float] | None = None) -> Iterator[Progress]:
    """Yield a Progress that draws a bar on standard error.

    Work of several stages says how many seconds are `expected` of each, so that the bar never goes back.
    """
    estimate, began = Estimate({"": 0.0} | dict(expected or {})), time.monotonic()
    with click.progressbar(length=100, label=title, file=sys.stderr) as bar:

        def show(stage: str, done: int, total: int, epoch: dict[str, float] | None = None) -> None:
            del epoch
            bar.label = f"{title}: {stage}"
            share = done / max(total, 1)
            percent = (
                100 * share if expected is None else estimate.report(stage, share, time.monotonic() - began).percent
            )
            bar.update(max(int(percent) - bar.pos, 0))

        yield show
        bar.update(100 - bar.pos)


def echo_json(value: Any) -> None:  # noqa: ANN401 - anything that JSON can say
    """Print a value as JSON, all of it ASCII."""
    click.echo(json.dumps(value, indent=2, default=str))


def say(line: str, err: bool = False) -> None:
    """Print a line; nothing that a file's name holds reaches the terminal as a command to it."""
    click.echo(printable(line), err=err)


def say_fields(title: str, value: Any, depth: int = 0) -> None:  # noqa: ANN401 - anything that JSON can say
    """Print a value below its title: fields on lines of their own, lists on one line, figures in four digits."""
    if isinstance(value, dict) and value:
        say(f"{'  ' * depth}{title}:")
        for name, inside in value.items():
            say_fields(str(name), inside, depth + 1)
    else:
        say(f"{'  ' * depth}{title}: {_on_one_line(value)}")


def _on_one_line(value: Any) -> str:  # noqa: ANN401 - as above
    if isinstance(value, dict):
        return ", ".join(f"{name} {_on_one_line(inside)}" for name, inside in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_on_one_line, value))
    return "none" if value is None or value == "" else f"{value:.4g}" if isinstance(value, float) else str(value)


def say_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print aligned columns below their heads."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
