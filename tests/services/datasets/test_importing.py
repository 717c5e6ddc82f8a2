from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import current_app
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.drawing import draw
from app.services.wiring import Services
from app.store.db import db
from app.store.tables import Image, RejectedFile
from app.training.progress import silent

EYES = {f"{number}_left.jpeg": draw("fundus_normal", number, 96).jpeg() for number in range(5)}
TABLES = {
    "trainLabels.csv": b"image,level\n0_left,0\n1_left,4\n2_left,1\n3_left,3\n4_left,0\n",
    "Label_EyeQ_train.csv": b"image,quality\n4_left.jpeg,2\n0_left.jpeg,1\n",
}
FILES = EYES | TABLES | {"copy_left.jpeg": EYES["0_left.jpeg"], "broken.jpeg": b"no image", "notes.txt": b"hello"}
LABELS = TABLES["trainLabels.csv"] + b"copy_left,0\nbroken,4\n"


Send = Callable[[Services, Path], dict[str, Any]]


def as_folder(services: Services, folder: Path) -> dict[str, Any]:
    folder = folder / "eyes"
    folder.mkdir(exist_ok=True)
    for name, data in (FILES | {"trainLabels.csv": LABELS}).items():
        (folder / name).write_bytes(data)
    report = services.datasets.import_folder("diabetic_retinopathy", folder, "upload", silent)
    return vars(report)


def as_zip(_services: Services, _folder: Path) -> dict[str, Any]:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in (FILES | {"trainLabels.csv": LABELS}).items():
            archive.writestr(name, data)
    return post(current_app.test_client(), [(buffer.getvalue(), "eyes.zip")])


def as_files(_services: Services, _folder: Path) -> dict[str, Any]:
    files = sorted((FILES | {"trainLabels.csv": LABELS}).items())
    return post(current_app.test_client(), [(data, name) for name, data in files])


def post(client: FlaskClient, files: list[tuple[bytes, str]], **fields: str) -> dict[str, Any]:
    form = {"classifier": "diabetic_retinopathy", "files": [(io.BytesIO(data), name) for data, name in files], **fields}
    answer = client.post("/api/upload", data=form)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def state() -> list[tuple[Any, ...]]:
    images = db.session.execute(select(Image.sha256, Image.label, Image.group, Image.split, Image.source))
    left = db.session.execute(select(RejectedFile.path, RejectedFile.kind))
    return [*sorted(map(tuple, images)), *sorted(map(tuple, left))]


@pytest.mark.parametrize("send", [as_folder, as_zip, as_files])
def test_a_folder_a_zip_and_single_files_with_tables_are_one_and_twice_is_as_once(
    services: Services, tmp_path: Path, send: Send
) -> None:
    first = send(services, tmp_path)
    assert (first["accepted"], first["duplicates"]) == (3, 1)
    assert first["kinds"] == {"dropped": 1, "duplicate": 1, "filtered": 1, "not_an_image": 1, "unreadable": 1}
    assert first["counts"] == {"unassigned": {"no_dr": 1, "dr": 2}}
    before = state()
    again = send(services, tmp_path)
    assert (again["accepted"], again["duplicates"], again["kinds"]) == (0, 4, first["kinds"])
    assert state() == before


def test_the_same_bytes_with_another_label_are_a_conflict_and_change_nothing(client: FlaskClient) -> None:
    image = EYES["0_left.jpeg"]
    assert post(client, [(image, "a.jpg")], label="dr")["accepted"] == 1
    report = post(client, [(image, "a.jpg")], label="no_dr")
    assert report["kinds"] == {"conflict": 1}
    assert report["counts"] == {"unassigned": {"dr": 1}}


def test_an_image_given_for_training_and_for_the_test_is_a_test_image(client: FlaskClient) -> None:
    image = EYES["0_left.jpeg"]
    for split in ("train", "test", "train"):
        report = post(client, [(image, "a.jpg")], label="dr", split=split)
    assert report["counts"] == {"test": {"dr": 1}}


def test_files_of_one_name_are_all_taken(client: FlaskClient) -> None:
    assert post(client, [(data, "eye.jpg") for data in EYES.values()], label="dr")["accepted"] == len(EYES)
    assert db.session.scalar(select(func.count(Image.id))) == len(EYES)
