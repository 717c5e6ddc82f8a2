from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from conftest import ON_BOTH
from flask import Flask
from job_steps import fail, finish, submit
from pydantic import SecretStr
from sqlalchemy import select, update

from app.config import Settings
from app.errors import NotFound
from app.services.jobs.jobs import Jobs
from app.services.operations import webhooks
from app.services.operations.webhooks import MAX_ATTEMPTS, Webhooks
from app.services.wiring import Services
from app.store.db import db, now
from app.store.tables import Delivery

pytestmark = ON_BOTH
SECRET = "a secret of some length"  # noqa: S105 - of these tests alone


class Receiver(ThreadingHTTPServer):
    """A server that answers with the statuses it is told, the last one for ever, and keeps what it got."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses = [204]
        self.drips = False
        self.got: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        while self.server.drips:
            try:
                self.wfile.write(b"X")
            except OSError:  # the sender has hung up
                return
            time.sleep(0.05)
        self.send_response(self.server.statuses.pop(0) if len(self.server.statuses) > 1 else self.server.statuses[0])
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def sender(app: Flask, settings: Settings, receiver: Receiver) -> Webhooks:
    made = Webhooks(settings.model_copy(update={"webhook_url": receiver.url, "webhook_secret": SecretStr(SECRET)}))
    made.deliver()  # what the first start has to say
    receiver.got.clear()
    assert app
    return made


def make_due() -> None:
    db.session.execute(update(Delivery).where(Delivery.due_at.is_not(None)).values(due_at=now()))
    db.session.commit()


def last() -> Delivery:
    newest = select(Delivery).order_by(Delivery.id.desc()).limit(1)
    return db.session.scalars(newest.execution_options(populate_existing=True)).one()


def test_the_end_of_a_job_and_a_move_of_an_alias_are_told_signed(
    app: Flask, jobs: Jobs, sender: Webhooks, receiver: Receiver
) -> None:
    services: Services = app.extensions["fovea"]
    job_id = submit(jobs)
    jobs.run(job_id, finish)
    services.registry.move("cat_dog", "challenger", 1, "A try.")
    sender.deliver()
    sender.deliver()
    ended, moved = receiver.bodies()
    assert ended["type"] == "job.succeeded"
    assert ended["data"] == {
        "job_id": job_id, "kind": "audit", "classifier": "cat_dog", "status": "succeeded", "cause": "Done.",
        "status_url": f"/api/jobs/{job_id}",
    }  # fmt: skip
    assert moved["type"] == "alias.moved"
    assert moved["data"] == {"classifier": "cat_dog", "alias": "challenger", "version": 1, "reason": "A try."}
    for headers, body in receiver.got:
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{digest}"
        assert abs(int(headers["webhook-timestamp"]) - now().timestamp()) < 60
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 2


def test_what_was_undone_is_not_told(app: Flask, jobs: Jobs, sender: Webhooks, receiver: Receiver) -> None:
    services: Services = app.extensions["fovea"]
    with pytest.raises(NotFound):
        services.registry.move("cat_dog", "champion", 99, "There is none.")
    submit(jobs)
    db.session.rollback()
    sender.deliver()
    assert receiver.got == []


def test_a_receiver_that_fails_is_asked_again_later_with_the_same_delivery(
    jobs: Jobs, sender: Webhooks, receiver: Receiver
) -> None:
    receiver.statuses = [500, 302, 200]
    jobs.run(submit(jobs), fail)
    sender.deliver()
    sender.deliver()  # it is not due yet
    assert len(receiver.got) == 1
    assert last().error == "HTTP 500 Internal Server Error"
    assert (last().due_at or now()) - now() > timedelta(seconds=10)
    for _ in range(3):
        make_due()
        sender.deliver()
    assert len(receiver.got) == 3
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert (last().attempts, last().error, last().due_at) == (3, None, None)
    assert last().delivered_at is not None


def test_a_receiver_that_is_not_there_is_given_up_in_the_end(jobs: Jobs, sender: Webhooks, receiver: Receiver) -> None:
    receiver.statuses = [503]
    jobs.run(submit(jobs), finish)
    for _ in range(MAX_ATTEMPTS + 2):
        make_due()
        sender.deliver()
    assert len(receiver.got) == last().attempts == MAX_ATTEMPTS
    assert (last().due_at, last().delivered_at) == (None, None)


def test_headers_that_drip_are_not_waited_for(
    jobs: Jobs, sender: Webhooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte comes in time, the answer does not."""
    monkeypatch.setattr(webhooks, "PATIENCE", 0.5)
    receiver.drips = True
    jobs.run(submit(jobs), finish)
    sender.deliver()
    receiver.drips = False
    assert (last().error or "").startswith("No answer within")
    make_due()
    sender.deliver()
    assert last().error is None


def test_a_sender_that_died_in_the_middle_is_replaced(
    jobs: Jobs, sender: Webhooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs.run(submit(jobs), finish)
    with monkeypatch.context() as killed:
        killed.setattr(webhooks, "sign", lambda *_: sys.exit(9))
        with pytest.raises(SystemExit):
            sender.deliver()
    db.session.rollback()
    sender.deliver()
    assert receiver.got == []
    db.session.execute(update(Delivery).where(Delivery.due_at.is_not(None)).values(due_at=Delivery.created_at))
    db.session.commit()
    sender.deliver()
    assert len(receiver.got) == 1


def test_without_an_address_nothing_is_kept(app: Flask, jobs: Jobs, settings: Settings) -> None:
    jobs.run(submit(jobs), finish)
    assert last()
    Webhooks(settings).deliver()
    assert app
    assert db.session.scalars(select(Delivery)).all() == []
