"""Keys of the HTTP interface: shown once, kept as hashes."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from sqlalchemy import select

from app.store.db import db
from app.store.tables import ApiKey

PREFIX: Final = "fovea_"


def create(name: str) -> str:
    """Make a key and return it; only its hash is kept."""
    key = PREFIX + secrets.token_urlsafe(32)
    db.session.add(ApiKey(name=name, sha256=_hash(key)))
    db.session.commit()
    return key


def is_valid(key: str) -> bool:
    """Say whether a key was made here and is not revoked."""
    query = select(ApiKey.id).where(ApiKey.sha256 == _hash(key), ApiKey.revoked_at.is_(None))
    return db.session.scalar(query) is not None


def _hash(key: str) -> str:
    # The keys are 256 random bits, so a plain hash cannot be searched backwards.
    return hashlib.sha256(key.encode()).hexdigest()
