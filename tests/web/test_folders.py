"""Files keep their folders, whichever way they come."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import Any

import pytest
from conftest import work_through
from flask.testing import FlaskClient
from http_checks import CAT, form, pack, problem
from sqlalchemy import select

from app.services.wiring import Services
from app.store.db import db
from app.store.tables import Image

BULK, UPLOAD = "/api/bulk-predict", "/api/upload"
OTHER = CAT + b"another"
FOLDERS = {"patientA/left.jpg": CAT, "patientB/left.jpg": OTHER}
LITTER = {
    "patientA/Thumbs.db": b"db", "patientA/.DS_Store": b"store", "__MACOSX/patientA/._left.jpg": CAT,
    "patientB/._left.jpg": b"fork", "patientB/desktop.ini": b"[ini]",
}  # fmt: skip

Sent = dict[str, Any]
Way = Callable[..., Sent]


def as_form(files: dict[str, bytes], **fields: str) -> Sent:
    return form([("files", name, data) for name, data in files.items()], **fields)


def as_zip(files: dict[str, bytes], **fields: str) -> Sent:
    return form([("files", "all.zip", pack(files))], **fields)


def as_windows(files: dict[str, bytes], **fields: str) -> Sent:
    return as_form({"C:\\" + name.replace("/", "\\"): data for name, data in files.items()}, **fields)


WAYS = pytest.mark.parametrize("way", [as_form, as_zip, as_windows])


@WAYS
def test_images_of_one_name_in_two_folders_are_told_apart_everywhere(
    client: FlaskClient,
    services: Services,
    way: Way,
) -> None:
    job_id = client.post(
        BULK, **way(FOLDERS | LITTER | {"patientB/=1+1.jpg": b"no image"}, classifier="cat_dog")
    ).get_json()["job_id"]
    job = work_through(services, job_id)
    assert (job.total, job.result and job.result["ignored"]) == (3, len(LITTER))
    rows = client.get(f"/api/jobs/{job_id}/results").get_json()
    assert [row["file"] for row in rows] == [*FOLDERS, "patientB/=1+1.jpg"]
    table = client.get(f"/api/jobs/{job_id}/results?format=csv").get_data(as_text=True)
    assert [row["file"] for row in csv.DictReader(table.splitlines())] == [*FOLDERS, "patientB/=1+1.jpg"]
    assert [error["file"] for error in job.errors] == ["patientB/=1+1.jpg"]
    answer = client.get(f"/api/predictions/{rows[1]['id']}").get_json()
    assert answer["filename"] == "patientB/left.jpg"
    assert client.get(f"/api/predictions/{rows[1]['id']}/image?side=32").status_code == 200


def test_a_cell_that_begins_like_a_formula_is_harmless_in_its_folder_too(
    client: FlaskClient, services: Services
) -> None:
    job_id = client.post(BULK, **as_form({"=cmd()/@left.jpg": CAT}, classifier="cat_dog")).get_json()["job_id"]
    work_through(services, job_id)
    table = client.get(f"/api/jobs/{job_id}/results?format=csv").get_data(as_text=True)
    assert [row["file"] for row in csv.DictReader(table.splitlines())] == ["'=cmd()/@left.jpg"]


def test_parts_count_what_they_ignore_together(client: FlaskClient, services: Services) -> None:
    job_id = client.post(BULK, **as_form({"a/1.jpg": CAT} | LITTER, more="true", classifier="cat_dog")).get_json()[
        "job_id"
    ]
    for part in (LITTER, {"b/1.jpg": OTHER} | LITTER):
        assert client.post(BULK, **as_form(part, more="true", job_id=job_id)).status_code == 202
    assert client.post(BULK, **form(job_id=job_id)).status_code == 202
    job = work_through(services, job_id)
    assert (job.total, job.result and job.result["ignored"]) == (2, 3 * len(LITTER))
    assert "No image was sent" in problem(client.post(BULK, **as_form(LITTER, classifier="cat_dog")), 400)


def test_feedback_finds_the_patient_in_the_base_name(client: FlaskClient, services: Services) -> None:
    sent = as_form({"clinic 7/12_left.jpg": CAT}, classifier="eye_diseases")
    job_id = client.post(BULK, **sent).get_json()["job_id"]
    work_through(services, job_id)
    (row,) = client.get(f"/api/jobs/{job_id}/results").get_json()
    client.post(f"/api/predictions/{row['id']}/feedback", json={"label": "cataract"})
    assert client.post(f"/api/predictions/{row['id']}/feedback/accept").status_code == 200
    image = db.session.scalars(select(Image)).one()
    assert (image.filename, image.group) == ("12_left.jpg", "12")


@WAYS
def test_an_upload_reads_classes_and_splits_from_the_folders_of_each_file(client: FlaskClient, way: Way) -> None:
    files = {"eyes/train/normal/1_left.jpg": CAT, "eyes/Test/glaucoma/1_left.jpg": OTHER, "eyes/notes.txt": b"notes"}
    body = client.post(UPLOAD, **way(files | LITTER, classifier="glaucoma")).get_json()
    assert body["counts"] == {"train": {"normal": 1}, "test": {"glaucoma": 1}}
    assert (body["accepted"], body["ignored"]) == (2, len(LITTER))
    assert [each["file"] for each in body["rejected"]] == ["eyes/notes.txt"]


def test_a_call_without_a_usable_file_lists_them_all(client: FlaskClient) -> None:
    files = {"birds/a.jpg": CAT, "cat/b.jpg": b"text"}
    refused = client.post(UPLOAD, **as_form(files, classifier="cat_dog"))
    assert "birds/a.jpg: no label" in problem(refused, 400)
    assert {each["file"]: each["kind"] for each in refused.get_json()["rejected"]} == {
        "birds/a.jpg": "unlabelled", "cat/b.jpg": "unreadable",
    }  # fmt: skip


def test_hostile_names_lead_nowhere(client: FlaskClient, services: Services) -> None:
    names = ["../../etc/passwd.jpg", "/etc/a.jpg", "C:\\..\\b.jpg", "..", "a" * 3000 + "/" + "b" * 300 + ".jpg"]
    files = {name: CAT + bytes([number]) for number, name in enumerate(names)}
    job_id = client.post(BULK, **as_form(files, classifier="cat_dog")).get_json()["job_id"]
    work_through(services, job_id)
    rows = client.get(f"/api/jobs/{job_id}/results").get_json()
    assert [row["file"] for row in rows] == ["etc/passwd.jpg", "etc/a.jpg", "b.jpg", "unnamed", "b" * 251 + ".jpg"]


@pytest.mark.parametrize("way", [as_form, as_zip])
def test_results_are_in_the_order_of_sending_or_in_natural_order(client: FlaskClient, way: Way) -> None:
    names = ["p10/left.jpg", "p2/right.jpg", "p2/left.jpg", "P1/left.jpg"]
    files = {name: CAT + bytes([number]) for number, name in enumerate(names)}
    for fields, order in (({}, names), ({"sort": "true"}, [names[3], names[2], names[1], names[0]])):
        job_id = client.post(BULK, **way(files, classifier="cat_dog", **fields)).get_json()["job_id"]
        assert [row["file"] for row in client.get(f"/api/jobs/{job_id}/results").get_json()] == order
