from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from app.store.db import db, new_id, now
from app.store.tables import Job


def test_ids_sort_by_the_time_they_were_made_and_never_repeat() -> None:
    ids = [new_id() for _ in range(2000)]
    assert len(set(ids)) == len(ids)
    assert [found[:16] for found in ids] == sorted(found[:16] for found in ids)
    assert {len(found) for found in ids} == {32}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(
    moment=st.datetimes(
        min_value=datetime(1, 1, 3),  # noqa: DTZ001 - the zones are drawn
        max_value=datetime(9999, 12, 29),  # noqa: DTZ001
        timezones=st.timezones(),
    )
)
def test_a_moment_comes_back_as_the_same_moment_in_utc(app: Flask, moment: datetime) -> None:
    assert app
    db.session.add(job := Job(kind="retrain", classifier="cat_dog", created_at=moment))
    db.session.commit()
    db.session.expire_all()
    assert job.created_at == moment.astimezone(UTC)
    assert job.created_at.tzinfo is UTC


def test_now_is_utc(app: Flask) -> None:
    assert app
    assert now().utcoffset() == timedelta(0)
    there = now().astimezone(timezone(timedelta(hours=9)))
    assert abs(there - now()) < timedelta(minutes=1)


@pytest.mark.parametrize(("pragma", "value"), [("journal_mode", "wal"), ("foreign_keys", 1), ("busy_timeout", 10000)])
def test_sqlite_is_set_up_for_several_processes(app: Flask, pragma: str, value: object) -> None:
    assert app
    assert db.session.execute(text(f"PRAGMA {pragma}")).scalar_one() == value
