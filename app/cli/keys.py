"""flask keys."""

from __future__ import annotations

from datetime import datetime

import click
from flask.cli import with_appcontext

from app.cli.context import say, say_table
from app.services.operations import keys as service
from app.services.operations import roles


@click.group()
def keys() -> None:
    """Manage the keys of the HTTP interface, needed when AUTH=keys."""


@keys.command()
@click.argument("name")
@click.option("--role", type=click.Choice(list(roles.ROLES)), help="What the key may do; admin unless named.")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(roles.SCOPES), help="One of several, for no role.")
@click.option("--days", type=click.IntRange(1, 3650), help="How many days it is valid; without end unless named.")
@with_appcontext
def create(name: str, role: roles.Role | None, scopes: tuple[str, ...], days: int | None) -> None:
    """Make a key for NAME and print it, once.

    A viewer looks; a reviewer also predicts and corrects answers; a trainer also adds images and trains; an admin does
    everything. A program that only predicts needs --scope predict.
    """
    click.echo(service.create(name, roles.scopes_of(role, scopes), days))


@keys.command("list")
@with_appcontext
def listed() -> None:
    """List the keys, what they may do and their last use."""
    rows = [
        [
            key.name,
            "revoked" if key.revoked_at else roles.named(frozenset(key.scopes.split())),
            *map(_day, (key.created_at, key.last_used_at, key.expires_at)),
        ]
        for key in service.listed()
    ]
    say_table(["Name", "May", "Made", "Last used", "Ends"], rows) if rows else say("There is no key.")


@keys.command()
@click.argument("name")
@with_appcontext
def revoke(name: str) -> None:
    """Revoke the keys of NAME.

    Sessions that began with one of them end.
    """
    click.echo(f"{service.revoke(name)} revoked.")


def _day(moment: datetime | None) -> str:
    return "never" if moment is None else moment.strftime("%Y-%m-%d %H:%M")
