from __future__ import annotations

import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import closing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from conftest import ON_BOTH
from flask import Flask
from sqlalchemy import inspect, select, text

from app import create_app
from app.config import CHECKOUT, Settings
from app.errors import ConfigError
from app.store import migrations
from app.store.db import db
from app.store.tables import Image

START = """
import sys
import zlib
from pathlib import Path
from app.config import Settings
from app.factory import create_core
from app.store import migrations
with create_core(Settings(data_dir=Path(sys.argv[1]), database_url=sys.argv[2])).app_context():
    migrations.upgrade()
"""


OLD_IMAGE = """
INSERT INTO images (classifier, sha256, label, "group", filename, source, width, height, created_at)
VALUES ('cat_dog', :sha256, 'cat', 'g', 'cat.jpg', '', 9, 9, '2026-01-01 00:00:00')
"""
OLD_VERSION = """
INSERT INTO dataset_versions (id, classifier, images, counts, left_out, manifest, created_at)
VALUES (:id, 'cat_dog', 2, '{}', '[]', :manifest, '2026-01-01 00:00:00')
"""


@pytest.fixture
def bare(settings: Settings) -> Iterator[Flask]:
    """An application whose database is empty."""
    app = create_app(settings)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def tables() -> set[str]:
    return set(inspect(db.engine).get_table_names())


def differences() -> list[object]:
    """Return in what the database differs from the models."""
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=migrations.OPTIONS)
        return list(compare_metadata(context, db.metadata))


@ON_BOTH
def test_the_revisions_lead_up_to_the_models_and_down_to_nothing(bare: Flask) -> None:
    for _ in range(2):
        migrations.upgrade()
        assert differences() == []
        assert tables() == {*db.metadata.tables, "alembic_version"}
        assert bare.test_cli_runner().invoke(args=["db", "check"]).exit_code == 0
        assert bare.test_cli_runner().invoke(args=["db", "downgrade", "base"]).exit_code == 0
        assert tables() == {"alembic_version"}


@ON_BOTH
def test_several_processes_may_start_at_the_same_moment(bare: Flask, settings: Settings) -> None:
    assert bare
    command = [sys.executable, "-c", START, str(settings.data_dir), settings.database_url or settings.database]
    started = [subprocess.Popen(command, cwd=CHECKOUT, stderr=subprocess.PIPE) for _ in range(3)]
    for process in started:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors.decode()
    assert differences() == []


@ON_BOTH
def test_what_images_were_used_for_is_taken_from_the_manifests(bare: Flask) -> None:
    """An image that moved from train to test, as could happen then, has been learned from."""
    migrations.upgrade()
    assert bare.test_cli_runner().invoke(args=["db", "downgrade", "b0ba8b9aba9a"]).exit_code == 0
    wanted = {"moved": "train", "kept": "test", "new": None}
    for sha256 in wanted:
        db.session.execute(text(OLD_IMAGE), {"sha256": sha256})
    for name, split in (("one", "train"), ("two", "test")):
        table = zlib.compress(f"sha256,label,source,group,split\nmoved,cat,,g,{split}\nkept,cat,,h,test\n".encode())
        db.session.execute(text(OLD_VERSION), {"id": name, "manifest": table})
    db.session.commit()
    migrations.upgrade()
    rows = db.session.execute(select(Image.sha256, Image.used, Image.tested)).all()
    assert {row.sha256: row.used for row in rows} == wanted
    assert {row.tested for row in rows} == {0}


def test_a_migration_that_breaks_changes_nothing(bare: Flask, settings: Settings) -> None:
    assert bare
    with closing(sqlite3.connect(settings.instance_dir / "fovea.db")) as connection:
        connection.execute("CREATE TABLE predictions (note)")  # in the way
        connection.commit()
    with pytest.raises(Exception, match="predictions already exists"):
        migrations.upgrade()
    assert tables() == {"predictions"}


@ON_BOTH
def test_the_database_of_a_newer_fovea_is_refused(bare: Flask) -> None:
    assert bare
    migrations.upgrade()
    db.session.execute(text("UPDATE alembic_version SET version_num = 'from_the_future'"))
    db.session.commit()
    with pytest.raises(ConfigError, match="from_the_future"):
        migrations.upgrade()
