from __future__ import annotations

import hashlib
import tracemalloc
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import orjson
import pytest
from conftest import work_through
from flask import Flask
from postgres_server import Server
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app import create_app
from app.config import CHECKOUT, Settings
from app.errors import Conflict, FoveaError, InvalidInput
from app.services.datasets.archive import Upload, members
from app.services.serving.predict import PredictionRequest
from app.services.setup import initialise
from app.services.wiring import Services
from app.store import dump
from app.store.db import db
from app.store.tables import ApiKey, Prediction
from app.supervisor.checks import exclusive
from app.training.progress import silent

CAT = (CHECKOUT / "static" / "samples" / "cat_face.jpg").read_bytes()
FULL = ("images", "dataset_versions", "predictions", "jobs", "job_items", "model_versions", "alias_moves", "api_keys",
        "classifiers")  # fmt: skip
Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture
def full(app: Flask) -> Services:
    """An installation with something in every corner: a dataset and its version, predictions, a job, a key."""
    services: Services = app.extensions["fovea"]
    services.datasets.synth("cat_dog", 12, 0, silent)
    services.versions.freeze("cat_dog", silent)
    answer = services.predict.predict(PredictionRequest(CAT, "cat_dog", filename="Kätzchen \u2028.jpg"))
    services.history.correct(answer["id"], "cat")
    files = [Upload("a.jpg", BytesIO(CAT)), Upload("b.txt", BytesIO(b"no image"))]
    job = services.batch.submit("cat_dog", members(files), key="once")
    work_through(services, job.id)
    services.registry.move("cat_dog", "champion", 1, "Again.")
    services.classifiers.create({"name": "leaf", "classes": ["healthy", "mildew"]})
    db.session.add(ApiKey(name="someone", sha256="0" * 64, scopes="read"))
    db.session.commit()
    return services


@contextmanager
def another(data_dir: Path, database_url: str = "") -> Iterator[Services]:
    """Give an installation with nothing in its database yet."""
    app = create_app(Settings(data_dir=data_dir, database_url=database_url))
    with app.app_context():
        yield app.extensions["fovea"]
        db.session.remove()
        db.engine.dispose()


def contents() -> Rows:
    """Return all rows of all tables, but for what the audit log says of backups themselves."""
    with dump.snapshot() as connection:
        found = {table.name: connection.execute(table.select()).mappings().all() for table in dump.tables(connection)}
    kept = {name: [dict(row) for row in rows] for name, rows in found.items()}
    kept["audit_log"] = [row for row in kept["audit_log"] if not row["action"].startswith("backup.")]
    return {name: sorted(rows, key=str) for name, rows in kept.items()}


def files_below(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and "derived" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_what_was_backed_up_is_restored_whole(
    full: Services, tmp_path: Path, request: pytest.FixtureRequest, target: str
) -> None:
    saved = full.backup.save(tmp_path / "all.zip", silent)
    before, settings = contents(), full.settings
    assert saved.rows == sum(map(len, before.values()))
    assert all(before[name] for name in FULL)
    server: Server | None = request.getfixturevalue("postgres") if target == "postgresql" else None
    url = "" if server is None else server.create_database()
    with another(tmp_path / "other", url) as services:
        assert services.backup.load(tmp_path / "all.zip", force=False, progress=silent) == saved
        assert contents() == before
        initialise(services)
        assert contents() == before
        for folder in ("models", "uploads"):
            assert files_below(services.settings.data_dir / folder) == files_below(settings.data_dir / folder)
        assert services.predict.predict(PredictionRequest(CAT, "cat_dog"))["predicted_class"] == "cat"
        services.registry.move("cat_dog", "champion", 1, "New rows are numbered after the old.")
        # and all the way back, into the database that has something else by now
        services.backup.save(tmp_path / "more.zip", silent)
        after = contents()
    with another(settings.data_dir) as services:
        with pytest.raises(Conflict, match="--force"):
            services.backup.load(tmp_path / "more.zip", force=False, progress=silent)
        assert contents() == before
        services.backup.load(tmp_path / "more.zip", force=True, progress=silent)
        assert contents() == after


def test_a_backup_made_while_others_write_is_of_one_moment(full: Services, app: Flask, tmp_path: Path) -> None:
    begun, stop = Event(), Event()

    def go_on() -> None:
        with app.app_context():
            for number in count():
                full.predict.predict(PredictionRequest(CAT + str(number).encode(), "cat_dog"))
                begun.set()
                if stop.is_set():
                    return

    with ThreadPoolExecutor() as pool:
        writer = pool.submit(go_on)
        begun.wait()
        full.backup.save(tmp_path / "all.zip", silent)
        stop.set()
        writer.result()
    with another(tmp_path / "other") as services:
        services.backup.load(tmp_path / "all.zip", force=False, progress=silent)
        logged = db.session.scalars(select(Prediction.sha256)).all()
        assert len(set(logged)) > 1
        assert all(services.files.read(sha256) for sha256 in logged)


def test_a_damaged_backup_changes_nothing(full: Services, tmp_path: Path) -> None:
    backup = tmp_path / "all.zip"
    full.backup.save(backup, silent)
    data, places = backup.read_bytes(), zipfile.ZipFile(backup).infolist()
    image = next(place for place in places if place.filename.startswith("images/"))
    flipped = bytearray(data)
    flipped[image.header_offset + 200] ^= 1
    with zipfile.ZipFile(tmp_path / "added.zip", "w") as archive:
        archive.writestr("checksums.json", "{}")
        archive.writestr("models/../../evil", "x")
    before = contents()
    for name, content in {"cut": data[:-9], "flipped": bytes(flipped), "empty": b"", "other": CAT}.items():
        (tmp_path / name).write_bytes(content)
    for name in ("cut", "flipped", "empty", "other", "added.zip", "missing"):
        with pytest.raises(InvalidInput, match="no whole backup"):
            full.backup.load(tmp_path / name, force=True, progress=silent)
    assert contents() == before


def test_a_backup_appears_whole_and_overwrites_nothing(full: Services, tmp_path: Path) -> None:
    def fail(stage: str, done: int, total: int, epoch: dict[str, float] | None = None) -> None:
        del done, total, epoch
        if stage == "images":
            raise OSError("The disk is full.")

    with pytest.raises(OSError, match="full"):
        full.backup.save(tmp_path / "all.zip", fail)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    full.backup.save(tmp_path / "all.zip", silent)
    assert (tmp_path / "all.zip").stat().st_mode & 0o777 == 0o600
    with pytest.raises(Conflict, match="already"):
        full.backup.save(tmp_path / "all.zip", silent)


def test_a_restore_that_breaks_leaves_the_rows_as_they_were(full: Services, tmp_path: Path) -> None:
    full.backup.save(tmp_path / "all.zip", silent)
    before = contents()

    def fail(stage: str, done: int, total: int, epoch: dict[str, float] | None = None) -> None:
        del epoch
        if stage == "rows" and done == total:
            raise OSError("The power went.")

    with pytest.raises(OSError, match="power"):
        full.backup.load(tmp_path / "all.zip", force=True, progress=fail)
    assert contents() == before


def change_member(source: Path, target: Path, name: str, data: bytes) -> None:
    """Copy a backup with another content of one member, and its checksum."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        checksums = orjson.loads(old.read("checksums.json")) | {name: hashlib.sha256(data).hexdigest()}
        for member in old.namelist():
            if member not in (name, "checksums.json"):
                new.writestr(member, old.read(member))
        new.writestr(name, data)
        new.writestr("checksums.json", orjson.dumps(checksums))


@pytest.mark.parametrize(
    ("member", "content"),
    [
        ("fovea.json", b'{"revision": "ffffffffffff"}'),
        ("fovea.json", b'{"revision": "base"}'),
        ("fovea.json", b"[]"),
        ("tables/predictions", b'{"id": "x"}\n'),
        (f"images/{'0' * 64}", b"not what it is named after"),
    ],
)
def test_a_refused_restore_leaves_models_and_rows_as_they_were(
    full: Services, tmp_path: Path, member: str, content: bytes
) -> None:
    full.backup.save(tmp_path / "all.zip", silent)
    change_member(tmp_path / "all.zip", tmp_path / "other.zip", member, content)
    card = full.registry.folder("cat_dog", 1) / "card.json"
    card.write_bytes(card.read_bytes() + b"\n")  # as it is now
    before, files = contents(), files_below(full.settings.models_dir)
    with pytest.raises((FoveaError, SQLAlchemyError)):
        full.backup.load(tmp_path / "other.zip", force=True, progress=silent)
    assert contents() == before
    assert files_below(full.settings.models_dir) == files


def test_a_large_image_is_restored_in_little_memory(full: Services, tmp_path: Path) -> None:
    large = bytes(200_000_000)
    sha256 = hashlib.sha256(large).hexdigest()
    full.backup.save(tmp_path / "all.zip", silent)
    change_member(tmp_path / "all.zip", tmp_path / "large.zip", f"images/{sha256}", large)
    del large
    tracemalloc.start()
    full.backup.load(tmp_path / "large.zip", force=True, progress=silent)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert full.files.place(sha256).stat().st_size == 200_000_000
    assert peak < 100_000_000


def test_the_commands_say_what_they_did(app: Flask, full: Services, tmp_path: Path) -> None:
    run, file = app.test_cli_runner(), str(tmp_path / "all.zip")
    said = run.invoke(args=["backup", file]).output
    assert "6 model versions and 13 images" in said
    assert run.invoke(args=["restore", file]).exit_code == 1
    with exclusive(full.settings.data_dir, full.settings.instance_dir / "lock"):
        refused = run.invoke(args=["restore", "--force", file])
    assert "already runs" in refused.output
    restored = run.invoke(args=["restore", "--force", file])
    assert restored.exit_code == 0, restored.output
    assert restored.output.splitlines()[-1].startswith("Restored ")
    assert (
        run.invoke(args=["prune", "--dry-run"]).output == "Would delete 0 jobs, 0 predictions and 0 images (0.0 MB).\n"
    )
