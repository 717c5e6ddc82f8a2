from __future__ import annotations

from contextlib import suppress

import pytest
from conftest import ON_BOTH
from flask import Flask
from sqlalchemy import select

from app.store.db import db
from app.store.tables import ApiKey
from app.store.transaction import release_connection, transaction

pytestmark = ON_BOTH


def add(name: str) -> None:
    with transaction():
        db.session.add(ApiKey(name=name, sha256=name, scopes="read"))


def kept(app: Flask) -> list[str]:
    """What another session sees."""
    with app.app_context():
        return list(db.session.scalars(select(ApiKey.name).order_by(ApiKey.name)))


def test_a_nested_transaction_is_kept_with_the_outer_one(app: Flask) -> None:
    with transaction():
        add("inner")
        db.session.flush()
        assert kept(app) == []
        add("next")
    assert kept(app) == ["inner", "next"]


def test_an_error_loses_all_of_it_and_what_should_have_followed(app: Flask) -> None:
    done: list[str] = []

    def fail() -> None:
        with transaction() as unit:
            unit.after_commit(lambda: done.append("sent"))
            add("first")
            raise ValueError("No.")

    with pytest.raises(ValueError, match="No"):
        fail()
    assert (kept(app), done) == ([], [])
    add("later")
    assert kept(app) == ["later"]


def test_a_part_that_failed_cannot_be_kept_by_catching_its_error(app: Flask) -> None:
    def fail() -> None:
        with transaction():
            add("half")
            raise ValueError("No.")

    def catch() -> None:
        with transaction(), suppress(ValueError):
            fail()

    with pytest.raises(RuntimeError, match="none of it can be kept"):
        catch()
    assert kept(app) == []


def test_what_follows_comes_after_the_outermost_commit_in_order_and_may_write(app: Flask) -> None:
    seen: list[list[str]] = []

    def follow() -> None:
        seen.append(kept(app))
        add("followed")

    with transaction() as unit:
        with transaction() as inner:
            inner.after_commit(follow)
            add("inner")
        unit.after_commit(lambda: seen.append(kept(app)))
        assert seen == []
    assert seen == [["inner"], ["followed", "inner"]]


def test_who_waits_holds_no_open_transaction(app: Flask) -> None:
    add("one")
    release_connection()
    assert not db.session().in_transaction()

    def wait() -> None:
        with transaction():
            release_connection()

    with pytest.raises(RuntimeError, match="must not hold it"):
        wait()
    assert kept(app) == ["one"]
