from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from conftest import Bucket, S3Server, free_port
from flask import Flask
from sqlalchemy import select

from app import create_app
from app.classifiers.card import CARD_NAME
from app.config import CHECKOUT, Settings
from app.drawing import draw
from app.errors import Unavailable
from app.factory import EXTENSION
from app.services.bulk import chunks
from app.services.datasets.archive import Upload, members
from app.services.serving.predict import PredictionRequest
from app.services.setup import initialise
from app.services.wiring import Services
from app.store.db import db
from app.store.registry import Registry
from app.store.tables import Job, RejectedFile
from app.training.progress import silent

NAME = "cat_dog"
CAT = draw("cat_face", 1, 128).jpeg()
DEMO = CHECKOUT / "models" / NAME / "1"
Machines = Callable[[str], "Machine"]


class Machine:
    """An application with a data folder of its own; the database and the bucket are everybody's."""

    def __init__(self, data_dir: Path, database: Path, storage_url: str) -> None:
        settings = Settings(data_dir=data_dir, database_url=f"sqlite:///{database}", storage_url=storage_url)
        self.app: Flask = create_app(settings)
        self.services: Services = self.app.extensions[EXTENSION]
        self.registry: Registry = self.services.registry

    def at_work(self) -> AbstractContextManager[object]:
        return self.app.app_context()

    def register(self, job_id: str | None = None) -> int:
        with self.at_work(), self.registry.staging(NAME) as folder:
            shutil.copytree(DEMO, folder, dirs_exist_ok=True)
            return self.registry.register(NAME, folder, job_id)

    def folders(self) -> list[str]:
        return sorted(path.name for path in (self.registry.root / NAME).glob("*"))


@pytest.fixture
def machine(tmp_path: Path, bucket: Bucket) -> Machines:
    """Make machines by name, the first of them initialised."""

    def make(name: str) -> Machine:
        made = Machine(tmp_path / name, tmp_path / "shared.db", bucket.url)
        with made.at_work():
            initialise(made.services)
        return made

    return make


def test_a_bundle_made_on_one_machine_is_fetched_whole_by_another(machine: Machines) -> None:
    here, there = machine("here"), machine("there")
    assert (here.register(), there.folders()) == (2, [])
    with there.at_work():
        assert there.registry.card(NAME, 2).demo
        assert there.folders() == []  # a card alone does not need the networks
        folder = there.registry.folder(NAME, 2)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
            path.name: path.read_bytes() for path in DEMO.iterdir()
        }
        assert there.services.predict.predict(PredictionRequest(CAT, NAME, "2"))["model_version"] == 2
    assert there.folders() == ["2"]


def test_half_a_bundle_is_never_seen(machine: Machines, bucket: Bucket) -> None:
    here, there = machine("here"), machine("there")
    assert here.register() == 2
    with there.at_work():
        sha256 = there.registry.card(NAME, 2).files["model.onnx"]
        address = f"{bucket.address}/models/{sha256[:2]}/{sha256}"
        httpx.delete(address).raise_for_status()
        with pytest.raises(Unavailable, match="lacks a part"):
            there.registry.folder(NAME, 2)
        httpx.put(address, content=b"lie").raise_for_status()
        with pytest.raises(Unavailable, match="lacks a part"):
            there.registry.folder(NAME, 2)
        assert there.folders() == []
        httpx.put(address, content=(DEMO / "model.onnx").read_bytes()).raise_for_status()
        assert (there.registry.folder(NAME, 2) / CARD_NAME).is_file()


def test_a_folder_that_holds_another_bundle_is_replaced(machine: Machines) -> None:
    here, there = machine("here"), machine("there")
    shutil.copytree(CHECKOUT / "models" / "glaucoma" / "1", there.registry.root / NAME / "2")  # left by a cut-off run
    assert here.register() == 2
    with there.at_work():
        folder = there.registry.folder(NAME, 2)
        assert (folder / CARD_NAME).read_bytes() == (DEMO / CARD_NAME).read_bytes()
        shutil.rmtree(there.registry.root)  # a cache may be emptied at any time
        assert (there.registry.folder(NAME, 2) / "model.onnx").is_file()


def test_two_machines_never_give_the_same_number(machine: Machines) -> None:
    machines = [machine("here"), machine("there")]
    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(lambda turn: machines[turn % 2].register(), range(8)))
    assert sorted(numbers) == list(range(2, 10))
    with machines[0].at_work():
        assert len(machines[0].registry.versions(NAME)) == 9


def test_a_job_done_on_two_machines_is_one_version(machine: Machines) -> None:
    here, there = machine("here"), machine("there")
    with here.at_work():
        db.session.add(job := Job(kind="retrain", classifier=NAME))
        db.session.commit()
        job_id = job.id
    assert (here.register(job_id), there.register(job_id)) == (2, 2)
    assert there.folders() == []
    with there.at_work():
        assert list(there.registry.versions(NAME)) == [1, 2]


def test_bundles_from_before_the_storage_was_shared_are_shared_at_the_next_start(
    machine: Machines, tmp_path: Path
) -> None:
    alone = Machine(tmp_path / "here", tmp_path / "shared.db", "")
    with alone.at_work():
        initialise(alone.services)
    assert alone.register() == 2
    assert machine("here").folders() == ["1", "2"]
    there = machine("there")
    with there.at_work():
        assert there.registry.folder(NAME, 2).is_dir()


def test_an_answer_needs_its_record(machine: Machines, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the storage away a prediction is refused in a sentence, and leaves no trace."""
    here = machine("here")
    with here.at_work():
        here.registry.folder(NAME, 1)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    data_dir = here.services.settings.data_dir
    away = Machine(data_dir, data_dir.parent / "shared.db", bucket.url).app.test_client()
    sent = {"file": (BytesIO(CAT), "cat.jpg"), "classifier": NAME}
    answer = away.post("/api/predict", data=sent)
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert "storage of images and models does not answer" in answer.get_json()["detail"]
    assert away.get("/api/predictions").get_json() == []
    assert away.get("/api/models").status_code == 200  # cards are kept here


def test_an_upload_without_storage_is_refused_whole_and_can_be_repeated(
    tmp_path: Path, bucket: Bucket, s3_server: S3Server
) -> None:
    here = Machine(tmp_path / "here", tmp_path / "shared.db", bucket.url)
    with here.at_work():
        initialise(here.services)
        s3_server.stop()
        try:
            with pytest.raises(Unavailable, match="does not answer"):
                here.services.intake.upload(NAME, [Upload("cat.1.jpg", BytesIO(CAT))], "cat")
        finally:
            s3_server.start()
        assert db.session.scalars(select(RejectedFile)).all() == []
        assert here.services.intake.upload(NAME, [Upload("cat.1.jpg", BytesIO(CAT))], "cat").accepted == 1


def test_a_bulk_job_loses_nothing_with_the_storage(
    tmp_path: Path, bucket: Bucket, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the storage is away the images wait; afterwards each of them is answered once."""
    monkeypatch.setattr(chunks, "PAUSE", timedelta(0))
    here = Machine(tmp_path / "here", tmp_path / "shared.db", bucket.url)
    with here.at_work():
        initialise(here.services)
        pets = [Upload(f"{seed}.jpg", BytesIO(draw("cat_face", seed, 64).jpeg())) for seed in range(3)]
        job_id = here.services.batch.submit(NAME, members(pets)).id
        s3_server.stop()
        try:
            here.services.batch.work(job_id)
        finally:
            s3_server.start()
        assert here.services.jobs.get(job_id).status == "running"
        here.services.batch.work(job_id)
        assert here.services.jobs.get(job_id).status == "succeeded"
        rows = list(here.services.batch.results(job_id))
        assert [row["error"] for row in rows] == [None] * 3


def test_a_prefix_is_imported_as_a_folder_is(machine: Machines, bucket: Bucket) -> None:
    for name in ("train/cat.1.jpg", "test/deep/dog.2.jpg", "readme.txt"):
        content = CAT + (b"" if "1" in name else b"another")
        httpx.put(f"{bucket.address}/import/{name}", content=content).raise_for_status()
    here = machine("here")
    runner = here.app.test_cli_runner()
    done = runner.invoke(args=["data", "import", NAME, f"{bucket.url}/import"])
    assert done.exit_code == 0, done.output
    with here.at_work():
        summary = here.services.datasets.summary(NAME)
        assert (summary["images"], summary["sources"]) == (2, {"import": 2})
        assert here.services.audit.compute(NAME, silent)["images"] == 2
    nothing = runner.invoke(args=["data", "import", NAME, f"{bucket.url}/nothing"])
    assert (nothing.exit_code, "There is nothing at s3://" in nothing.output) == (1, True)
