"""The tables of who may ask and who is told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.store.db import Base, Text, UtcDateTime, new_id, now
from app.store.tables.columns import Id, Name, Sha256


class Delivery(Base):
    """Something to tell the webhook, written in the transaction that changed it: sent until it is taken or given up.

    `due_at` says when to try next, null once that is over; `error` is what the last try came to.
    """

    __tablename__ = "deliveries"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    event: Mapped[str] = mapped_column(Name)
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=now, index=True)
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str | None] = mapped_column(Text(500))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class ApiKey(Base):
    """A key of the HTTP interface, kept as its SHA-256 only; `scopes` are what it may do, separated by blanks."""

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text(80))
    sha256: Mapped[str] = mapped_column(Sha256, unique=True)
    scopes: Mapped[str] = mapped_column(Text(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Session(Base):
    """Somebody who signed in with a key, kept as the SHA-256 of what the cookie carries. It goes with its key.

    It names the key by its hash: a row number would be another key's in another database, or after a deletion.
    """

    __tablename__ = "sessions"

    sha256: Mapped[str] = mapped_column(Sha256, primary_key=True)
    key_sha256: Mapped[str] = mapped_column(ForeignKey("api_keys.sha256", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class AuditEntry(Base):
    """One line of the audit log. Nothing changes or deletes it; see `app.store.audit_log`.

    `actor` did `action` to `subject`; `sha256` is that of the entry, with the hash of the entry before it (`previous`).
    """

    __tablename__ = "audit_log"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(Text(120))
    action: Mapped[str] = mapped_column(Name)
    subject: Mapped[str] = mapped_column(Text(200))
    request_id: Mapped[str | None] = mapped_column(Text(64))
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    previous: Mapped[str] = mapped_column(Sha256)
    sha256: Mapped[str] = mapped_column(Sha256)
