"""flask data: datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from flask.cli import with_appcontext

from app.cli.context import echo_json, json_option, progress_bar, say, say_table
from app.cli.curation import changes, images, move, relabel, remove, tag, undo
from app.cli.report import dataset_page
from app.context import services
from app.services.datasets.intake import Report
from app.services.jobs.costs import default
from app.store.tables import Job

SHOWN = 20


@click.group()
def data() -> None:
    """Import, draw, check, change and explore labelled images."""


for command in (images, relabel, move, tag, remove, undo, changes):
    data.add_command(command)


@data.command("import")
@click.argument("classifier")
@click.argument("folder")
@click.option("--source", default=None, help="Name of where the images come from; the folder's name if left out.")
@with_appcontext
def import_folder(classifier: str, folder: str, source: str | None) -> None:
    """Import a FOLDER of labelled images, or s3://bucket/prefix.

    It is read in the CLASSIFIER's convention. Importing twice changes nothing. Files that cannot be used are listed,
    never fatal.
    """
    with progress_bar("Importing") as show:
        report = services().datasets.import_folder(classifier, folder, source or Path(folder).resolve().name, show)
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
    """Draw images of the CLASSIFIER's classes into its dataset."""
    with progress_bar("Drawing") as show:
        report = services().datasets.synth(classifier, count, seed, show)
    _print(report)


@data.command()
@click.argument("classifier")
@json_option
@with_appcontext
def audit(classifier: str, *, as_json: bool) -> None:
    """Search a dataset for copies, leaks, shortcuts and wrong labels.

    The report on the CLASSIFIER's dataset is kept, and shown on the page Data.
    """
    images = services().datasets.summary(classifier)["images"]
    with progress_bar("Auditing", default(Job(kind="audit", params={}), images)) as show:
        found = services().audit.compute(classifier, show)
    if as_json:
        echo_json(found)
        return
    for each in found["findings"]:
        say(f"{each['severity']}: {each['kind']} ({each['count']})")
        say(f"  {each['message']}")
    verdict = "no problem was found" if found["clean"] else "see the findings above before you train on it"
    say(f"{found['images']} images, dataset version {found['dataset_version'][:12]}: {verdict}.")


@data.command()
@click.argument("classifier")
@click.option(
    "--output", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The HTML file to write."
)
@with_appcontext
def report(classifier: str, output: Path) -> None:
    """Write figures, samples and the last audit to an HTML file.

    The file tells of the CLASSIFIER's dataset and needs nothing else.
    """
    found, audit = services().exploration.figures(classifier), services().audit.latest(classifier)
    page = dataset_page(found, audit, services().catalog[classifier])
    output.write_text(page, encoding="utf-8")
    say(f"{output} written.")


@data.command()
@click.argument("classifier")
@json_option
@with_appcontext
def versions(classifier: str, *, as_json: bool) -> None:
    """List the dataset versions that models learned from."""
    found = services().versions.list(classifier)
    if as_json:
        echo_json(found)
        return
    heads = ("version", "made", "images", "left out", "splits")
    say_table(heads, [_version(each) for each in found])


def _print(found: Report) -> None:
    say(f"{found.accepted} accepted, {found.duplicates} known already, {len(found.rejected)} rejected.")
    if found.ignored:
        say(f"System files ignored: {found.ignored}.")
    if found.kinds:
        say("  " + ", ".join(f"{kind} {count}" for kind, count in sorted(found.kinds.items())) + ":")
    for refused in found.rejected[:SHOWN]:
        say(f"  {refused['file']}: {refused['reason']}")
    if len(found.rejected) > SHOWN:
        say(f"  and {len(found.rejected) - SHOWN} more.")
    for split, labels in sorted(found.counts.items()):
        say(f"  {split}: " + ", ".join(f"{label} {count}" for label, count in sorted(labels.items())))


def _version(row: dict[str, Any]) -> tuple[str, ...]:
    splits = ", ".join(f"{split} {sum(labels.values())}" for split, labels in row["counts"].items())
    return row["id"][:12], row["created_at"][:19], str(row["images"]), str(row["left_out_count"]), splits
