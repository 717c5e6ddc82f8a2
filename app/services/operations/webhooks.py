"""The webhook: tells another system what changed, until it has taken it, without holding anything up."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
import ssl
import time
from contextlib import closing
from datetime import timedelta
from functools import cache
from typing import Final

import orjson
from sqlalchemy import delete, exists, select, update

from app.config import Settings
from app.store.db import UNSYNCHRONIZED, db, now
from app.store.tables import Delivery
from app.store.transaction import release_connection, transaction

log = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 10
FIRST_PAUSE: Final = timedelta(seconds=15)  # doubled with each try: the last one comes after more than two hours
PATIENCE: Final = 5.0  # seconds for one answer, from looking up the name to the last header
BUDGET: Final = 10.0  # seconds after which a round begins no other delivery
LEASE: Final = timedelta(seconds=60)  # a sender that has died in the middle is replaced after this
KEEP: Final = timedelta(days=30)  # what was delivered or given up


class Webhooks:
    """Sends what `app.store.outbox` has written. Without WEBHOOK_URL nobody wants to know, and it goes unsent."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.webhook_url
        self._secret = b"" if settings.webhook_secret is None else settings.webhook_secret.get_secret_value().encode()

    def deliver(self) -> None:
        """Send what is due, the oldest first, for BUDGET seconds; what fails is due again later."""
        _forget(all_of_it=not self._url)
        began = time.monotonic()
        while time.monotonic() - began < BUDGET and (delivery := _claim()) is not None:
            problem = self._send(delivery)
            with transaction():
                if problem is None:
                    delivery.delivered_at, delivery.due_at, delivery.error = now(), None, None
                else:
                    _postpone(delivery, problem)

    def _send(self, delivery: Delivery) -> str | None:
        """Post it; return what went wrong."""
        body = orjson.dumps(delivery.body)
        headers = {"Content-Type": "application/json", "User-Agent": "Fovea"} | sign(self._secret, delivery.id, body)
        release_connection()  # nothing is held while the other side thinks
        with closing(asyncio.new_event_loop()) as loop:  # asyncio.run() would wait for a name server that hangs
            return loop.run_until_complete(_post(self._url, headers, body))


@cache
def _certificates() -> ssl.SSLContext:
    """The authorities that are trusted: to read them takes longer than to send."""
    return ssl.create_default_context()


async def _post(url: str, headers: dict[str, str], body: bytes) -> str | None:
    """Post the body and wait for the status at most PATIENCE in all, however slowly it comes; say what went wrong.

    A redirect is an error: the signed body goes where the setting says and nowhere else.
    """
    import httpx  # noqa: PLC0415 - only the process that sends needs it

    try:
        async with (
            asyncio.timeout(PATIENCE),
            httpx.AsyncClient(verify=_certificates(), timeout=PATIENCE) as client,
            client.stream("POST", url, headers=headers, content=body) as answer,
        ):
            return None if answer.is_success else f"HTTP {answer.status_code} {answer.reason_phrase}"
    except (TimeoutError, httpx.TimeoutException):
        return f"No answer within {PATIENCE:.0f} seconds."
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return f"{type(error).__name__}: {error}"


def sign(secret: bytes, delivery: str, body: bytes) -> dict[str, str]:
    """Return the headers that let the receiver check origin and age, as www.standardwebhooks.com lays down."""
    timestamp = str(int(time.time()))
    digest = hmac.digest(secret, b".".join((delivery.encode(), timestamp.encode(), body)), hashlib.sha256)
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": delivery, "webhook-timestamp": timestamp, "webhook-signature": signature}


def _claim() -> Delivery | None:
    """Take the oldest delivery that is due, so that no other sender does; None when there is none."""
    due = Delivery.due_at <= now()
    oldest = select(Delivery.id).where(due).order_by(Delivery.due_at).limit(1)
    while (found := db.session.scalar(oldest)) is not None:
        values = {"due_at": now() + LEASE, "attempts": Delivery.attempts + 1}
        taken = update(Delivery).where(Delivery.id == found, due).values(**values).returning(Delivery.id)
        with transaction():
            mine = db.session.execute(taken, execution_options=UNSYNCHRONIZED).first()
        if mine is not None:
            return db.session.get_one(Delivery, found, populate_existing=True)
    return None


def _postpone(delivery: Delivery, problem: str) -> None:
    delivery.error = problem
    if delivery.attempts >= MAX_ATTEMPTS:
        delivery.due_at = None
        log.error("The webhook did not take %s in %d tries: %s", delivery.event, MAX_ATTEMPTS, problem)
    else:
        delivery.due_at = now() + FIRST_PAUSE * 2 ** (delivery.attempts - 1)


def _forget(*, all_of_it: bool) -> None:
    """Delete what is over, or all of it."""
    over = Delivery.due_at.is_(None) & (Delivery.created_at < now() - KEEP)
    doomed = Delivery.id.is_not(None) if all_of_it else over
    if db.session.scalar(select(exists().where(doomed))):  # mostly not, and then nobody waits for a write
        with transaction():
            db.session.execute(delete(Delivery).where(doomed), execution_options=UNSYNCHRONIZED)
