"""flask predict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from flask.cli import with_appcontext

from app.cli.context import services
from app.errors import FoveaError


@click.command()
@click.argument("classifier")
@click.argument("images", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--version", help="A number, 'champion' or 'challenger'; the champion if left out.")
@with_appcontext
def predict(classifier: str, images: tuple[Path, ...], version: str | None) -> None:
    """Answer IMAGES, a line each; exit status 1 when one could not be answered."""
    failed = 0
    notice: str | None = None
    for path in images:
        try:
            answer = services().predict.predict(path.read_bytes(), classifier, version, filename=path.name)
        except FoveaError as error:
            failed += 1
            click.echo(f"{path}: {error}", err=True)
        else:
            notice = answer["notice"]
            click.echo(f"{path}: {_line(answer)}")
    if notice:
        click.echo(notice, err=True)
    if failed:
        raise SystemExit(1)


def _line(answer: dict[str, Any]) -> str:
    return f"{answer['predicted_class']} {answer['confidence']:.3f} ({answer['decision']})"
