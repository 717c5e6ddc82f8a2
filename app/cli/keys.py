"""flask keys."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from app.services.operations import keys as service


@click.group()
def keys() -> None:
    """Manage the keys of the HTTP interface, needed when AUTH=keys."""


@keys.command()
@click.argument("name")
@with_appcontext
def create(name: str) -> None:
    """Make a key for NAME and print it, once."""
    click.echo(service.create(name))


@keys.command()
@click.argument("name")
@with_appcontext
def revoke(name: str) -> None:
    """Revoke the keys of NAME.

    Sessions that began with one of them end.
    """
    click.echo(f"{service.revoke(name)} revoked.")
