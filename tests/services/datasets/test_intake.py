from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from sqlalchemy import delete, select

from app.errors import InvalidInput
from app.services.datasets.archive import Upload
from app.services.datasets.intake import Report, counts
from app.services.wiring import Services
from app.store.db import db
from app.store.tables import Image


def picture(number: int) -> bytes:
    buffer = io.BytesIO()
    Pillow.new("RGB", (64, 64), (number % 256, number // 256, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def as_zip(files: Mapping[str, bytes]) -> Upload:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    buffer.seek(0)
    return Upload("images.zip", buffer)


def send(services: Services, files: Mapping[str, bytes], label: str | None = None, split: str | None = None) -> Report:
    return services.intake.upload("cat_dog", [as_zip(files)], label, split)


def test_the_label_comes_from_the_call_else_the_folder_else_the_prefix(services: Services) -> None:
    report = send(services, {"dog/1.png": picture(1), "cat.2.png": picture(2), "test/cat/3.png": picture(3)})
    assert (report.accepted, report.rejected) == (3, [])
    assert report.counts == {"unassigned": {"dog": 1, "cat": 1}, "test": {"cat": 1}}
    assert send(services, {"cat/4.png": picture(4)}, label="Dog", split="val").counts["val"] == {"dog": 1}


def test_the_same_image_is_taken_once_whatever_its_name(services: Services) -> None:
    first = send(services, {"cat.1.png": picture(1), "cat.2.png": picture(1)})
    again = send(services, {"dog.3.png": picture(1)})
    assert (first.accepted, first.duplicates, again.accepted, again.duplicates) == (1, 1, 0, 1)
    assert (first.kinds, again.kinds) == ({"duplicate": 1}, {"conflict": 1})
    assert counts("cat_dog") == {"unassigned": {"cat": 1}}


def test_what_is_refused_is_named_with_its_reason_and_not_stored(services: Services) -> None:
    report = send(services, {"cat.1.jpg": b"text", "bird.2.png": picture(2), "cat.3.png": b"", "cat.4.png": picture(4)})
    assert report.accepted == 1
    assert {refused["file"]: refused["kind"] for refused in report.rejected} == {
        "cat.1.jpg": "unreadable", "bird.2.png": "unlabelled", "cat.3.png": "unreadable",
    }  # fmt: skip
    assert all(refused["reason"] for refused in report.rejected)
    assert "no label" in report.rejected[0]["reason"]
    assert len([path for path in services.settings.uploads_dir.rglob("*") if path.is_file()]) == 1


@pytest.mark.parametrize(("label", "split"), [("bird", None), ("", None), ("cat", "training"), ("cat", "TEST")])
def test_a_label_or_split_that_there_is_not_is_refused(services: Services, label: str, split: str | None) -> None:
    with pytest.raises(InvalidInput, match="choose one of"):
        send(services, {"cat.1.png": picture(1)}, label, split)
    assert counts("cat_dog") == {}


def test_patients_stay_together(services: Services) -> None:
    eyes = {"normal/12_left.png": picture(1), "normal/12_right.png": picture(2), "normal/other.png": picture(3)}
    services.intake.upload("eye_diseases", [as_zip(eyes)])
    groups = db.session.scalars(select(Image.group).order_by(Image.filename)).all()
    assert groups[0] == groups[1] == "12"
    assert groups[2] not in ("12", "")


NAMES = st.text(st.characters(exclude_characters="/\\:\0", exclude_categories=["Cs"]), min_size=1, max_size=300)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(names=st.lists(st.tuples(st.sampled_from(["cat", "dog", "bird", ""]), NAMES), max_size=5, unique=True))
def test_every_file_is_taken_known_or_refused_whatever_its_name(
    services: Services, names: list[tuple[str, str]]
) -> None:
    db.session.execute(delete(Image))
    db.session.commit()
    uploads = [Upload(f"{label}{name}", io.BytesIO(picture(number))) for number, (label, name) in enumerate(names)]
    try:
        report = services.intake.upload("cat_dog", uploads)
    except InvalidInput:
        assert any(upload.filename.lower().endswith(".zip") for upload in uploads)
        return
    # A copy counts as known, and is listed too; hidden files count as nothing.
    refused = [each for each in report.rejected if each["kind"] not in ("duplicate", "conflict")]
    hidden = [upload for upload in uploads if PurePosixPath(upload.filename).name.startswith(".")]
    assert report.accepted + report.duplicates + len(refused) == len(names) - len(hidden)
    assert sum(sum(labels.values()) for labels in counts("cat_dog").values()) == report.accepted
    assert all(1 <= len(row.filename) <= 255 and row.group for row in db.session.scalars(select(Image)))
