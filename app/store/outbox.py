"""What the webhook is to be told, written in the transaction of the change it tells of: both count, or neither."""

from __future__ import annotations

from sqlalchemy import insert

from app.store.db import db, now
from app.store.tables import Delivery


def announce(event: str, **data: str | int | None) -> None:
    """Add a delivery to the present transaction; `app.services.webhooks` sends it."""
    moment = now()
    body = {"type": event, "timestamp": moment.isoformat(), "data": data}
    db.session.execute(insert(Delivery).values(event=event, body=body, created_at=moment, due_at=moment))
