"""What Alembic runs for every command: one transaction, alone, on the application's database."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from app.store.db import Text, UtcDateTime, db
from app.store.migrations import OPTIONS, alone


def render(kind: str, item: Any, _: Any) -> str | Literal[False]:  # noqa: ANN401 - Alembic's signature
    """Write a column's type without naming the application, which goes on changing while a revision stays."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime()"
    if kind == "type" and isinstance(item, Text):
        return f"sa.String(length={item.characters})"
    return False


with alone(context.config.attributes.get("connection")) as connection:
    context.configure(connection=connection, target_metadata=db.metadata, render_item=render, **OPTIONS)
    context.run_migrations()
