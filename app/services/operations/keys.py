"""Keys of the HTTP interface: shown once, kept as hashes; and the sessions of people who signed in with one."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final

from sqlalchemy import Select, delete, select
from sqlalchemy.exc import DBAPIError

from app.actor import acting_as
from app.errors import NotFound
from app.services.operations.roles import SCOPES, Holder, Scope
from app.store.audit_log import record
from app.store.db import db, now
from app.store.tables import ApiKey, Session
from app.store.transaction import transaction

PREFIX: Final = "fovea_"
LIFETIME: Final = timedelta(days=7)  # of a session; the browser forgets it sooner, when it is closed
USED: Final = timedelta(minutes=1)  # how exactly the last use is kept: a row for each request would cost too much


def create(name: str, scopes: Sequence[Scope] = SCOPES, days: int | None = None) -> str:
    """Make a key and return it; only its hash is kept. It ends after so many days, or never."""
    key = PREFIX + secrets.token_urlsafe(32)
    expires = None if days is None else now() + timedelta(days=days)
    with transaction():
        db.session.add(ApiKey(name=name, sha256=_hash(key), scopes=" ".join(scopes), expires_at=expires))
        record("key.created", name, scopes=list(scopes), expires_at=expires and expires.isoformat())
    return key


def listed() -> Sequence[ApiKey]:
    """Return every key, the oldest first."""
    return db.session.scalars(select(ApiKey).order_by(ApiKey.id)).all()


def holder(key: str) -> Holder | None:
    """Return who holds this key; None for a text that is no key, or one that is revoked or expired."""
    return _holder(_standing().where(ApiKey.sha256 == _hash(key)))


def revoke(name: str) -> int:
    """Make every key of this name worthless, at once and for good; return how many stood. NotFound without any."""
    standing = db.session.scalars(select(ApiKey).where(ApiKey.name == name, ApiKey.revoked_at.is_(None))).all()
    if not standing:
        raise NotFound(f"There is no key of the name {name!r} that is not revoked.")
    with transaction():
        for key in standing:
            key.revoked_at = now()
        record("key.revoked", name, keys=len(standing))
    return len(standing)


def sign_in(key: str) -> str | None:
    """Begin a session of the key's holder and return its token; None for a text that is no standing key."""
    found = holder(key)
    if found is None:
        return None
    token = secrets.token_urlsafe(32)
    with transaction():
        db.session.execute(delete(Session).where(Session.created_at < now() - LIFETIME))
        db.session.add(Session(sha256=_hash(token), key_sha256=_hash(key)))
        with acting_as(f"key {found.name}"):
            record("session.started", found.name)
    return token


def signed_in(token: str) -> Holder | None:
    """Return whose session this is; None where it has ended, or its key stands no more."""
    known = _standing().join(Session, Session.key_sha256 == ApiKey.sha256)
    known = known.where(Session.sha256 == _hash(token), Session.created_at >= now() - LIFETIME)
    return _holder(known)


def sign_out(token: str) -> None:
    """End a session, if it is one."""
    found = signed_in(token)
    with transaction():
        db.session.execute(delete(Session).where(Session.sha256 == _hash(token)))
        if found is not None:
            with acting_as(f"key {found.name}"):
                record("session.ended", found.name)


def _standing() -> Select[ApiKey]:
    unexpired = ApiKey.expires_at.is_(None) | (ApiKey.expires_at > now())
    return select(ApiKey).where(ApiKey.revoked_at.is_(None), unexpired)


def _holder(query: Select[ApiKey]) -> Holder | None:
    key: ApiKey | None = db.session.scalars(query).one_or_none()
    if key is None:
        return None
    found = Holder(key.name, frozenset(key.scopes.split()))
    if key.last_used_at is None or now() - key.last_used_at > USED:
        with suppress(DBAPIError), transaction():  # a full disk keeps nobody from looking
            key.last_used_at = now()
    return found


def _hash(key: str) -> str:
    # The keys are 256 random bits, so a plain hash cannot be searched backwards.
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()
