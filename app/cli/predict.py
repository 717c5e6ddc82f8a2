"""flask predict."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from app.cli.context import say
from app.cli.gathering import gather, in_order
from app.cli.rows import WRITERS, Row, as_table, write
from app.context import services
from app.errors import FoveaError
from app.inference.similar import MOST
from app.paths import relative_path
from app.services.serving.predict import PredictionRequest


@click.command()
@click.argument("classifier")
@click.argument("images", nargs=-1, required=True)
@click.option("--version", help="A number, 'champion' or 'challenger'; the champion if left out.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False, writable=True),
              help="A file to write: .csv, .json, .jsonl or .parquet; a table on the screen if left out.")  # fmt: skip
@click.option("--explain", "heat_maps", type=click.Path(path_type=Path, file_okay=False),
              help="A folder to write heat maps of what the answers rest on into.")  # fmt: skip
@click.option("--similar", type=click.IntRange(0, MOST), default=0, metavar="N",
              help=f"Name the N nearest training images, with labels and distances; at most {MOST}.")  # fmt: skip
@with_appcontext
def predict(
    classifier: str,
    images: tuple[str, ...],
    version: str | None,
    output: Path | None,
    heat_maps: Path | None,
    similar: int,
) -> None:
    """Predict images in this process.

    IMAGES are files, folders with all below them, or quoted patterns such as 'eyes/**/*.jpg'. A file that cannot be
    answered gets a row with the error; the exit status is 1 when none could be.
    """
    if output is not None and output.suffix.lower() not in WRITERS:
        raise click.UsageError(f"--output writes {', '.join(WRITERS)}; give a file with one of these suffixes.")
    number, card = services().predict.load(classifier, version)
    files = gather(images)
    if not files:
        raise click.ClickException("There is no image in what was given; name files, folders or patterns.")
    if heat_maps is not None:
        heat_maps.mkdir(parents=True, exist_ok=True)
    run = _Run(cast("Any", current_app)._get_current_object(), classifier, str(number), heat_maps, similar)  # noqa: SLF001 - Flask's documented way
    rows = run.counted(in_order(run.answer, enumerate(files)))
    if output is None:
        for line in as_table(rows, files, card.classes):
            say(line)
    else:
        with click.progressbar(rows, length=len(files), label="Answering", file=sys.stderr) as bar:
            write(bar, output, card.classes, similar > 0)
        click.echo(f"{output} written: {run.answered} of {len(files)} answered.", err=True)
    click.echo(card.notice or "", err=True, nl=bool(card.notice))
    if run.answered == 0:
        raise SystemExit(1)


@dataclass
class _Run:
    """One run of the command; `answer` is called in several threads."""

    app: Flask
    classifier: str
    version: str
    heat_maps: Path | None
    similar: int
    answered: int = field(default=0, init=False)

    def answer(self, numbered: tuple[int, Path]) -> Row:
        """Return a file's row, its answer or its error."""
        position, path = numbered
        try:
            with self.app.app_context():
                explain = self.heat_maps is not None
                request = PredictionRequest(
                    path.read_bytes(), self.classifier, self.version, relative_path(str(path)), explain, self.similar
                )
                body = services().predict.predict(request)
        except (FoveaError, OSError) as error:
            wrong = f"It cannot be read: {error.strerror}." if isinstance(error, OSError) else str(error)
            return {"file": str(path), "error": wrong}
        if self.heat_maps is not None:
            place = self.heat_maps / f"{position + 1:06d}-{path.name}.png"
            place.write_bytes(base64.b64decode(body["explanation"].partition(",")[2]))
            body["explanation"] = str(place)
        return {"file": str(path), "error": None, **body}

    def counted(self, rows: Iterator[Row]) -> Iterator[Row]:
        """Yield the rows and count those that are answers."""
        for row in rows:
            self.answered += row["error"] is None
            yield row
