"""The audit log: who did what, in rows that nothing changes, each of which holds the hash of the one before.

Whoever changes, inserts or removes a row breaks the chain from there on. Only the end can be cut off unseen, so a
signed head is kept elsewhere.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from sqlalchemy import select

from app.actor import current_actor
from app.errors import Conflict, InvalidInput, NotFound
from app.logs import current_request
from app.store.db import db, now, storable
from app.store.tables import AuditEntry
from app.store.transaction import transaction

BEGINNING: Final = "0" * 64  # what the first entry holds in place of the hash before it
ACTOR, SUBJECT = 120, 200  # characters that are kept
AT_ONCE: Final = 1000  # entries in memory


class Head(NamedTuple):
    """The last entry: its number, its hash and, by SECRET_KEY, a signature of both."""

    number: int
    sha256: str
    signature: str

    def __str__(self) -> str:
        """Return one line, to be kept elsewhere."""
        return f"{self.number}:{self.sha256}:{self.signature}"

    @classmethod
    def parse(cls, line: str) -> Head:
        """Read such a line; InvalidInput for anything else."""
        parts = line.strip().split(":")
        if len(parts) != len(cls._fields) or not parts[0].isdecimal():
            raise InvalidInput("This is no head of the audit log; 'flask audit head' prints one.")
        return cls(int(parts[0]), parts[1], parts[2])


def record(action: str, subject: str, **details: Any) -> None:  # noqa: ANN401 - anything that JSON can say
    """Write that the current actor did something, in the present transaction or one of its own.

    `action` is a word such as `model.promoted`; `subject` names what it was done to. Details hold no photographs and
    no secrets.
    """
    with transaction() as unit:
        db.session.flush()  # the lock forgets what has been read
        unit.lock("audit log")
        last = db.session.scalar(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1))
        entry = AuditEntry(
            id=1 if last is None else last.id + 1,
            at=now(),
            actor=storable(current_actor.get(), ACTOR),
            action=action,
            subject=storable(subject, SUBJECT),
            request_id=current_request.get(),
            details=details,
            previous=BEGINNING if last is None else last.sha256,
        )
        entry.sha256 = digest(entry)
        db.session.add(entry)
        db.session.flush()


def digest(entry: AuditEntry) -> str:
    """The SHA-256 of all that an entry says, the hash before it included."""
    return hashlib.sha256(json.dumps(as_json(entry), sort_keys=True).encode()).hexdigest()


def as_json(entry: AuditEntry) -> dict[str, Any]:
    """Return an entry without its own hash."""
    return {
        "id": entry.id,
        "at": entry.at.isoformat(),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "request_id": entry.request_id,
        "details": entry.details,
        "previous": entry.previous,
    }


def entries() -> Iterator[AuditEntry]:
    """Yield all entries, the oldest first."""
    query = select(AuditEntry).order_by(AuditEntry.id).execution_options(yield_per=AT_ONCE)
    yield from db.session.scalars(query)


def verify(secret: str, head: Head | None = None) -> int:
    """Check the whole chain, and that it holds a `head` which was kept elsewhere; return how many entries it has.

    Conflict names the first entry that is not as it was written.
    """
    number, before, seen = 0, BEGINNING, head is None
    if head is not None and not hmac.compare_digest(_sign(head.number, head.sha256, secret), head.signature):
        raise Conflict("This head was not signed with the SECRET_KEY of this service.")
    for number, entry in enumerate(entries(), start=1):
        if (entry.id, entry.previous, entry.sha256) != (number, before, digest(entry)):
            raise Conflict(f"The audit log was changed: entry {number} is not as it was written.")
        before = entry.sha256
        seen |= head is not None and (entry.id, entry.sha256) == (head.number, head.sha256)
    if not seen:
        raise Conflict("The audit log was changed: the entry of this head is missing or another one.")
    return number


def sign_head(secret: str) -> Head:
    """Return the head as it is now; NotFound while the log is empty."""
    last = db.session.scalar(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1))
    if last is None:
        raise NotFound("The audit log is empty.")
    return Head(last.id, last.sha256, _sign(last.id, last.sha256, secret))


def _sign(number: int, sha256: str, secret: str) -> str:
    return hmac.new(secret.encode(), f"{number}:{sha256}".encode(), hashlib.sha256).hexdigest()
