"""Keys of the HTTP interface: shown once, kept as hashes; and the sessions of people who signed in with one."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, select

from app.errors import NotFound
from app.store.db import db, now
from app.store.tables import ApiKey, Session
from app.store.transaction import transaction

PREFIX: Final = "fovea_"
LIFETIME: Final = timedelta(days=7)  # of a session; the browser forgets it sooner, when it is closed
_STANDING: Final = select(ApiKey.sha256).where(ApiKey.revoked_at.is_(None))


def create(name: str) -> str:
    """Make a key and return it; only its hash is kept."""
    key = PREFIX + secrets.token_urlsafe(32)
    with transaction():
        db.session.add(ApiKey(name=name, sha256=_hash(key)))
    return key


def stands(key: str) -> bool:
    """Say whether a text is a key that was made here and is not revoked."""
    return db.session.scalar(_STANDING.where(ApiKey.sha256 == _hash(key))) is not None


def revoke(name: str) -> int:
    """Make every key of this name worthless, at once and for good; return how many stood. NotFound without any."""
    standing = db.session.scalars(select(ApiKey).where(ApiKey.name == name, ApiKey.revoked_at.is_(None))).all()
    if not standing:
        raise NotFound(f"There is no key of the name {name!r} that is not revoked.")
    with transaction():
        for key in standing:
            key.revoked_at = now()
    return len(standing)


def sign_in(key: str) -> str | None:
    """Begin a session of the key's holder and return its token; None for a text that is no standing key."""
    if not stands(key):
        return None
    token = secrets.token_urlsafe(32)
    with transaction():
        db.session.execute(delete(Session).where(Session.created_at < now() - LIFETIME))
        db.session.add(Session(sha256=_hash(token), key_sha256=_hash(key)))
    return token


def is_signed_in(token: str) -> bool:
    """Say whether this session has not ended and its key stands."""
    known = _STANDING.join(Session, Session.key_sha256 == ApiKey.sha256)
    known = known.where(Session.sha256 == _hash(token), Session.created_at >= now() - LIFETIME)
    return db.session.scalar(known) is not None


def sign_out(token: str) -> None:
    """End a session, if it is one."""
    with transaction():
        db.session.execute(delete(Session).where(Session.sha256 == _hash(token)))


def _hash(key: str) -> str:
    # The keys are 256 random bits, so a plain hash cannot be searched backwards.
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()
