"""flask keys and flask audit."""

from __future__ import annotations

import json
from datetime import datetime

import click
from flask import current_app
from flask.cli import with_appcontext

from app.cli.context import say, say_table
from app.services.operations import keys as service
from app.services.operations import roles
from app.store import audit_log
from app.store.audit_log import Head


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


@click.group()
def audit() -> None:
    """Show and check the audit log: who did what, and when.

    Sign-ins, keys, promotions, trainings, corrections, uploads, removals, downloads and backups are in it. Nothing
    deletes an entry.
    """


@audit.command("log")
@with_appcontext
def export() -> None:
    """Print all entries as JSON lines, the oldest first."""
    for entry in audit_log.entries():
        click.echo(json.dumps(audit_log.as_json(entry) | {"sha256": entry.sha256}))


@audit.command()
@with_appcontext
def head() -> None:
    """Print the signed number and hash of the last entry.

    Keep the line elsewhere: with it, 'flask audit verify' notices even that the end of the log was cut off.
    """
    click.echo(str(audit_log.sign_head(_secret())))


@audit.command()
@click.option("--head", "line", help="A line that 'flask audit head' printed earlier.")
@with_appcontext
def verify(line: str | None) -> None:
    """Check that no entry was changed, inserted or removed."""
    count = audit_log.verify(_secret(), None if line is None else Head.parse(line))
    say(f"{count} entries, each as it was written.")


def _secret() -> str:
    return str(current_app.secret_key)
