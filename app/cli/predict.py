"""flask predict."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from app.classifiers import Card
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

    CLASSIFIER is a name, several with commas between them, or 'all': each image is then looked at once, and has a row
    for each classifier. IMAGES are files, folders with all below them, or quoted patterns such as 'eyes/**/*.jpg'. A
    file that cannot be answered gets a row with the error; the exit status is 1 when none could be.
    """
    if output is not None and output.suffix.lower() not in WRITERS:
        raise click.UsageError(f"--output writes {', '.join(WRITERS)}; give a file with one of these suffixes.")
    numbers, cards = _load(classifier, version)
    files = gather(images)
    if not files:
        raise click.ClickException("There is no image in what was given; name files, folders or patterns.")
    if heat_maps is not None:
        heat_maps.mkdir(parents=True, exist_ok=True)
    run = _Run(cast("Any", current_app)._get_current_object(), numbers, heat_maps, similar)  # noqa: SLF001 - Flask's documented way
    rows = run.counted(in_order(run.answer, enumerate(files)))
    classes = list(dict.fromkeys(name for card in cards for name in card.classes))
    if output is None:
        for line in as_table(rows, files, classes, list(numbers)):
            say(line)
    else:
        with click.progressbar(rows, length=len(files) * len(numbers), label="Answering", file=sys.stderr) as bar:
            write(bar, output, classes, similar > 0)
        click.echo(f"{output} written: {run.answered} of {len(files)} answered.", err=True)
    for notice in dict.fromkeys(card.notice for card in cards if card.notice):
        click.echo(notice, err=True)
    if run.answered == 0:
        raise SystemExit(1)


def _load(classifier: str, version: str | None) -> tuple[dict[str, str], list[Card]]:
    """Load the models that are meant; return their versions by classifier, and their cards."""
    names, several = [classifier], services().several
    if several.is_meant(classifier):
        asked = several.asked(classifier, version)
        names = asked.names
        for name, reason in asked.unanswered.items():
            click.echo(f"{name} does not answer: {reason}", err=True)
    loaded = {name: services().predict.load(name, version) for name in names}
    return {name: str(number) for name, (number, _) in loaded.items()}, [card for _, card in loaded.values()]


@dataclass
class _Run:
    """One run of the command; `answer` is called in several threads. `versions`: by classifier, those that answer."""

    app: Flask
    versions: Mapping[str, str]
    heat_maps: Path | None
    similar: int
    answered: int = field(default=0, init=False)

    def answer(self, numbered: tuple[int, Path]) -> list[Row]:
        """Return a file's rows: the answer of each classifier, or one error."""
        position, path = numbered
        try:
            with self.app.app_context():
                bodies = services().predict.predict_each(self._requests(path))
        except (FoveaError, OSError) as error:
            wrong = f"It cannot be read: {error.strerror}." if isinstance(error, OSError) else str(error)
            return [{"file": str(path), "error": wrong}]
        if self.heat_maps is not None:
            for body in bodies:
                _keep(body, self.heat_maps / self._name(position, path, body["classifier"]))
        return [{"file": str(path), "error": None, **body} for body in bodies]

    def counted(self, files: Iterator[list[Row]]) -> Iterator[Row]:
        """Yield the rows of all files, and count the files that have answers."""
        for rows in files:
            self.answered += rows[0]["error"] is None
            yield from rows

    def _requests(self, path: Path) -> list[PredictionRequest]:
        data, name, explain = path.read_bytes(), relative_path(str(path)), self.heat_maps is not None
        return [
            PredictionRequest(data, classifier, version, name, explain, self.similar)
            for classifier, version in self.versions.items()
        ]

    def _name(self, position: int, path: Path, classifier: str) -> str:
        """The file name of a heat map."""
        of = f"-{classifier}" if len(self.versions) > 1 else ""
        return f"{position + 1:06d}-{path.name}{of}.png"


def _keep(body: dict[str, Any], place: Path) -> None:
    """Write an answer's heat map to a file, and name it instead."""
    place.write_bytes(base64.b64decode(body["explanation"].partition(",")[2]))
    body["explanation"] = str(place)
