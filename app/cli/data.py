"""flask data: datasets."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import with_appcontext

from app.cli.context import echo_json, progress_bar, services
from app.services.intake import Report

SHOWN = 20


@click.group()
def data() -> None:
    """Import, draw and check labelled images."""


@data.command("import")
@click.argument("classifier")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--source", default=None, help="Name of where the images come from; the folder's name if left out.")
@with_appcontext
def import_folder(classifier: str, folder: Path, source: str | None) -> None:
    """Import a FOLDER of labelled images, read in the CLASSIFIER's convention.

    Importing twice changes nothing. Files that cannot be used are listed, never fatal.
    """
    with progress_bar("Importing") as show:
        report = services().datasets.import_folder(classifier, folder, source or folder.resolve().name, show)
    _print(report)


@data.command()
@click.argument("classifier")
@click.option("--count", default=400, show_default=True, type=click.IntRange(1, 100_000), help="Images to draw.")
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(0, 1_000_000),
    help="Another seed, other images.",
)
@with_appcontext
def synth(classifier: str, count: int, seed: int) -> None:
    """Draw images of the CLASSIFIER's classes and add them to its dataset."""
    with progress_bar("Drawing") as show:
        report = services().datasets.synth(classifier, count, seed, show)
    _print(report)


@data.command()
@click.argument("classifier")
@with_appcontext
def audit(classifier: str) -> None:
    """Check the CLASSIFIER's dataset for what would fool a model."""
    echo_json(services().datasets.audit(classifier))


def _print(report: Report) -> None:
    click.echo(f"{report.accepted} accepted, {report.duplicates} known already, {len(report.rejected)} rejected.")
    for refused in report.rejected[:SHOWN]:
        click.echo(f"  {refused['file']}: {refused['reason']}")
    if len(report.rejected) > SHOWN:
        click.echo(f"  and {len(report.rejected) - SHOWN} more.")
    for split, labels in sorted(report.counts.items()):
        click.echo(f"  {split}: " + ", ".join(f"{label} {count}" for label, count in sorted(labels.items())))
