"""flask data images, relabel, move, tag, remove, undo, changes: the images of a dataset, changed by hand."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click
from flask.cli import with_appcontext

from app.classifiers.spec import SPLITS
from app.cli.context import echo_json, json_option, say, say_table
from app.context import services
from app.errors import InvalidInput
from app.services.datasets.curation.changes import Edit, Outcome
from app.services.datasets.curation.listing import NEVER, SORTS, Place, Wanted
from app.services.datasets.intake import UNSPLIT

reason_option = click.option("--reason", default="", help="Why; kept with the change.")
hashes_argument = click.argument("hashes", metavar="SHA256...", nargs=-1, required=True)
groups_option = click.option("--whole-groups", is_flag=True, help="Also change the images that must change with them.")


@click.command()
@click.argument("classifier")
@click.option("--label", help="Only this class.")
@click.option("--split", type=click.Choice([*SPLITS, UNSPLIT]), help="Only those that were given this split, or none.")
@click.option("--used", type=click.Choice([*SPLITS, NEVER]), help="Only those first used so by a dataset version.")
@click.option("--source", help="Only this source.")
@click.option("--tag", help="Only those with this tag.")
@click.option("--group", help="Only this patient or group.")
@click.option("--q", help="A part of the file name.")
@click.option("--finding", help="Only those that a finding of the last audit lists, such as label_errors.")
@click.option("--sort", type=click.Choice(list(SORTS)), default="newest", show_default=True)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--cursor", help="Continue a list: what the last line of the page before says.")
@json_option
@with_appcontext
def images(classifier: str, sort: str, limit: int, cursor: str | None, *, as_json: bool, **filters: str | None) -> None:
    """List the images of the CLASSIFIER's dataset.

    The SHA-256 of the images that the other commands take, for example of all those with the tag `blurred`:

    flask data images cat_dog --tag blurred --json | jq -r '.images[].sha256'
    """
    found = services().gallery.page(classifier, Wanted(**filters), Place(sort, cursor, limit=limit))
    rows: list[dict[str, Any]] = [
        {"sha256": row.sha256, "file": row.filename, "label": row.label, "split": row.split, "used": row.used,
         "tags": found.tags[row.id], "source": row.source, "group": row.group, "added_at": row.created_at.isoformat()}
        for row in found.images
    ]  # fmt: skip
    if as_json:
        echo_json({"total": found.total, "next_cursor": found.next_cursor, "images": rows})
        return
    heads = ("sha256", "file", "label", "split", "used", "tags")
    say_table(heads, [[_cell(row[name]) for name in heads] for row in rows])
    if found.next_cursor:
        say(f"There are more: --cursor {found.next_cursor}", err=True)


@click.command()
@click.argument("classifier")
@click.argument("label")
@hashes_argument
@reason_option
@groups_option
@with_appcontext
def relabel(classifier: str, label: str, hashes: Sequence[str], reason: str, *, whole_groups: bool) -> None:
    """Give images another LABEL. SHA256 "-" reads them from standard input, one on each line."""
    edit = Edit(label=label)
    _tell(services().curation.change(classifier, _read(hashes), edit, reason, whole_groups=whole_groups))


@click.command()
@click.argument("classifier")
@click.argument("split", type=click.Choice([*SPLITS, UNSPLIT]))
@hashes_argument
@reason_option
@groups_option
@with_appcontext
def move(classifier: str, split: str, hashes: Sequence[str], reason: str, *, whole_groups: bool) -> None:
    """Move images to a SPLIT; `unassigned` lets training choose it. SHA256 "-" reads them from standard input."""
    edit = Edit(split=split)
    _tell(services().curation.change(classifier, _read(hashes), edit, reason, whole_groups=whole_groups))


@click.command()
@click.argument("classifier")
@hashes_argument
@click.option("--add", multiple=True, help="A tag to give them; may be repeated.")
@click.option("--remove", multiple=True, help="A tag to take away; may be repeated.")
@reason_option
@with_appcontext
def tag(classifier: str, hashes: Sequence[str], add: Sequence[str], remove: Sequence[str], reason: str) -> None:
    """Give images tags, or take tags away. SHA256 "-" reads them from standard input."""
    edit = Edit(tags_added=add, tags_removed=remove)
    _tell(services().curation.change(classifier, _read(hashes), edit, reason))


@click.command()
@click.argument("classifier")
@hashes_argument
@reason_option
@with_appcontext
def remove(classifier: str, hashes: Sequence[str], reason: str) -> None:
    """Remove images from a dataset. SHA256 "-" reads them from standard input.

    Models and dataset versions that used them stay as they are. `flask data undo` brings the images back.
    """
    _tell(services().curation.remove(classifier, _read(hashes), reason))


@click.command()
@click.argument("classifier")
@reason_option
@with_appcontext
def undo(classifier: str, reason: str) -> None:
    """Take back the last change of images."""
    _tell(services().changes.undo(classifier, reason))


@click.command()
@click.argument("classifier")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@click.option("--cursor", help="Continue a list: what the last line of the page before says.")
@json_option
@with_appcontext
def changes(classifier: str, limit: int, cursor: str | None, *, as_json: bool) -> None:
    """List the changes of a dataset's images, the newest first."""
    found, following = services().changes.list(classifier, cursor, limit)
    names = ("number", "action", "images", "actor", "reason", "created_at", "undone_by")
    if as_json:
        rows = [{name: getattr(row, name) for name in (*names, "undoes")} for row in found]
        echo_json({"next_cursor": following, "changes": rows})
        return
    heads = ("revision", "action", "images", "by", "reason", "at", "undone by")
    say_table(heads, [[_cell(getattr(row, name)) for name in names] for row in found])
    if following:
        say(f"There are more: --cursor {following}", err=True)


def _read(hashes: Sequence[str]) -> list[str]:
    if list(hashes) != ["-"]:
        return list(hashes)
    found = sys.stdin.read(200_000).split()
    if not found:
        raise InvalidInput("Standard input names no image.")
    return found


def _tell(done: Outcome) -> None:
    if done.action is None:
        say(f"Nothing to change; the dataset of {done.classifier} stays at revision {done.revision}.")
    else:
        what = "put back" if done.action == "undone" else done.action
        say(f"{len(done.changed)} images {what}; the dataset of {done.classifier} has revision {done.revision}.")


def _cell(value: Any) -> str:  # noqa: ANN401 - a value of a row
    if value is None:
        return ""
    return ", ".join(value) if isinstance(value, list) else str(value)[:64]
