from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from conftest import ON_BOTH
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from app.store.db import db, new_id, now
from app.store.tables import Job, RejectedFile


def test_ids_sort_by_the_time_they_were_made_and_never_repeat() -> None:
    ids = [new_id() for _ in range(2000)]
    assert len(set(ids)) == len(ids)
    assert [found[:16] for found in ids] == sorted(found[:16] for found in ids)
    assert {len(found) for found in ids} == {32}


@ON_BOTH
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(
    moment=st.datetimes(
        min_value=datetime(1, 1, 3),  # noqa: DTZ001 - the zones are drawn
        max_value=datetime(9999, 12, 29),  # noqa: DTZ001 - the zones are drawn
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


@ON_BOTH
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(name=st.text(st.characters(codec=None), max_size=400))
@example(name="a\0b\ud800.jpg")
def test_any_text_can_be_kept_and_found(app: Flask, name: str) -> None:
    assert app
    db.session.add(
        row := RejectedFile(classifier="cat_dog", source=new_id(), path=name, kind="unreadable", reason=name)
    )
    db.session.commit()
    db.session.expire_all()
    assert row.path == db.session.scalar(
        select(RejectedFile.path).where(RejectedFile.path == name, RejectedFile.source == row.source)
    )
    assert len(row.path) == min(len(name), 255)
    if name.isprintable():
        assert row.path == name[:255]


def test_now_is_utc(app: Flask) -> None:
    assert app
    assert now().utcoffset() == timedelta(0)
    there = now().astimezone(timezone(timedelta(hours=9)))
    assert abs(there - now()) < timedelta(minutes=1)


@pytest.mark.parametrize(("pragma", "value"), [("journal_mode", "wal"), ("foreign_keys", 1), ("busy_timeout", 10000)])
def test_sqlite_is_set_up_for_several_processes(app: Flask, pragma: str, value: object) -> None:
    assert app
    assert db.session.execute(text(f"PRAGMA {pragma}")).scalar_one() == value


def test_retention_knows_every_table_that_names_images() -> None:
    named = {table.name for table in db.metadata.sorted_tables if "sha256" in table.columns} - {
        "api_keys",
        "sessions",
        "audit_log",
    }  # hashes of keys and of entries
    kept = {"images", "job_items", "predictions"}  # app.services.retention keeps what these refer to
    assert named == kept | {"compared", "image_changes", "removed_images"}  # these follow an image and do not keep it
