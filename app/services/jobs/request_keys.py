"""Idempotency keys: a client that asks again, not knowing whether it was heard, gets the job of the first time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

from sqlalchemy.exc import IntegrityError

from app.errors import Conflict, InvalidInput
from app.store.db import db
from app.store.tables import RequestKey
from app.store.transaction import transaction

MAX_CHARACTERS: Final = 200


def once(key: str | None, asked: str, job_id: str, submit: Callable[[], object]) -> str:
    """Call `submit`, which stores the job `job_id`, unless an earlier call with this key did; return the job's id.

    `asked` says all that was asked for; Conflict when the key came with something else before.
    """
    if key is None:
        with transaction():
            submit()
        return job_id
    if not 1 <= len(key) <= MAX_CHARACTERS:
        raise InvalidInput(f"The Idempotency-Key must have 1 to {MAX_CHARACTERS} characters; a UUID will do.")
    fingerprint = hashlib.sha256(asked.encode()).hexdigest()
    if known := _find(key, fingerprint):
        return known
    try:
        with transaction():
            db.session.add(RequestKey(key=key, fingerprint=fingerprint, job_id=job_id))
            submit()
    except IntegrityError:  # the same call, at the same moment
        known = _find(key, fingerprint)
        if known is None:
            raise
        return known
    return job_id


def _find(key: str, fingerprint: str) -> str | None:
    known = db.session.get(RequestKey, key)
    if known is None:
        return None
    if known.fingerprint != fingerprint:
        raise Conflict("This Idempotency-Key came with another request before; make a new key for each.")
    return known.job_id
