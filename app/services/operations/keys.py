"""Keys of the HTTP interface: shown once, kept as hashes."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from sqlalchemy import select

from app.errors import NotFound
from app.store.db import db, now
from app.store.tables import ApiKey
from app.store.transaction import transaction

PREFIX: Final = "fovea_"
_STANDING: Final = select(ApiKey.id).where(ApiKey.revoked_at.is_(None))


def create(name: str) -> str:
    """Make a key and return it; only its hash is kept."""
    key = PREFIX + secrets.token_urlsafe(32)
    with transaction():
        db.session.add(ApiKey(name=name, sha256=_hash(key)))
    return key


def find(key: str) -> int | None:
    """Return the id of a key that was made here and stands; None for any other text."""
    return db.session.scalar(_STANDING.where(ApiKey.sha256 == _hash(key)))


def stands(key_id: int) -> bool:
    """Say whether the key of this id is not revoked."""
    return db.session.scalar(_STANDING.where(ApiKey.id == key_id)) is not None


def revoke(name: str) -> int:
    """Make every key of this name worthless, at once and for good; return how many stood. NotFound without any."""
    standing = db.session.scalars(select(ApiKey).where(ApiKey.name == name, ApiKey.revoked_at.is_(None))).all()
    if not standing:
        raise NotFound(f"There is no key of the name {name!r} that is not revoked.")
    with transaction():
        for key in standing:
            key.revoked_at = now()
    return len(standing)


def _hash(key: str) -> str:
    # The keys are 256 random bits, so a plain hash cannot be searched backwards.
    return hashlib.sha256(key.encode()).hexdigest()
