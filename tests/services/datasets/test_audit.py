from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import cv2
import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.cli.report import dataset_page
from app.drawing import draw
from app.factory import EXTENSION
from app.services.datasets.intake import LabelledImage
from app.services.wiring import Services
from app.store.db import db
from app.training.data.provenance import fingerprint
from app.training.progress import silent

PER_CLASS = 12


@pytest.fixture
def services(app: Flask) -> Services:
    """The use cases, with a glaucoma dataset: drawn images, three mirrored copies, one of them in the test split."""
    found: Services = app.extensions[EXTENSION]
    spec = found.catalog["glaucoma"]
    for label, subject in (("glaucoma", "fundus_glaucoma"), ("normal", "fundus_normal")):
        for seed in range(PER_CLASS):
            drawing = draw(subject, seed, 160)
            found.intake.add(spec, LabelledImage(drawing.jpeg(), f"{label}-{seed}.jpg", label, "train", "clinic"))
            if seed < 3 and label == "normal":
                mirrored = cv2.cvtColor(np.ascontiguousarray(drawing.image[:, ::-1]), cv2.COLOR_RGB2BGR)
                data = cv2.imencode(".jpg", mirrored)[1].tobytes()
                found.intake.add(
                    spec, LabelledImage(data, f"copy-{seed}.jpg", label, "test" if seed == 0 else None, "clinic")
                )
    return found


def kinds(body: dict[str, Any]) -> dict[str, int]:
    return {each["kind"]: each["count"] for each in body["findings"]}


def test_copies_are_found_kept_on_one_side_and_out_of_training(services: Services) -> None:
    body = services.audit.compute("glaucoma", silent)
    assert kinds(body)["augmented_copies"] == 3
    assert kinds(body)["duplicates_across_splits"] == 3  # one in the test split, two without a split beside train
    assert not body["clean"]
    names = {frozenset((pair["first"], pair["second"])) for pair in body["findings"][0]["pairs"]}
    assert names == {frozenset((f"normal-{seed}.jpg", f"copy-{seed}.jpg")) for seed in range(3)}
    divided = services.versions.freeze("glaucoma", silent)
    assert [each["file"] for each in divided.left_out] == ["normal-0.jpg"]
    by_group: dict[str, set[str]] = {}
    for sample in divided.samples:
        by_group.setdefault(sample.group, set()).add(sample.split)
    assert all(len(found) == 1 for found in by_group.values())


def test_a_version_is_written_once_and_never_changes(services: Services, client: FlaskClient) -> None:
    first = services.versions.freeze("glaucoma", silent)
    assert services.versions.freeze("glaucoma", silent).version == first.version
    card = fingerprint(first.samples[::-1], ["glaucoma", "normal"], "drawn")
    assert card.sha256 == first.version
    listed = client.get("/api/datasets/glaucoma/versions").get_json()
    assert [(each["id"], each["images"], each["left_out_count"]) for each in listed] == [
        (first.version, len(first.samples), 1)
    ]
    before = client.get(f"/api/datasets/glaucoma/versions/{first.version}").get_json()
    assert {row["sha256"] for row in before["manifest"]} == {sample.sha256 for sample in first.samples}
    image = LabelledImage(draw("fundus_normal", 99, 160).jpeg(), "new.jpg", "normal", None, "more")
    services.intake.add(services.catalog["glaucoma"], image)
    second = services.versions.freeze("glaucoma", silent)
    assert second.version != first.version
    assert client.get(f"/api/datasets/glaucoma/versions/{first.version}").get_json() == before
    assert client.get("/api/datasets/glaucoma/versions/nothing").status_code == 404


def test_the_api_gives_the_last_audit_and_says_when_it_is_stale(services: Services, client: FlaskClient) -> None:
    url = "/api/datasets/glaucoma/audit"
    before = client.get(url).get_json()
    assert before["complete"] is False
    assert url in before["hint"]
    answer = client.post(url)
    assert answer.status_code == 202
    services.jobs.run(answer.get_json()["job_id"], services.audit.run)
    job = client.get(answer.headers["Location"]).get_json()
    assert (job["status"], job["kind"], job["result"]["audit_url"]) == ("succeeded", "audit", url)
    found = client.get(url).get_json()
    assert found["complete"]
    assert not found["stale"]
    assert kinds(found)["augmented_copies"] == 3
    image = LabelledImage(draw("fundus_normal", 98, 160).jpeg(), "n.jpg", "normal", None, "more")
    services.intake.add(services.catalog["glaucoma"], image)
    assert client.get(url).get_json()["stale"]
    assert client.post("/api/datasets/cat_dog/audit").status_code == 400
    assert client.get("/api/datasets/none/audit").status_code == 404


def page_of(services: Services, name: str) -> str:
    return dataset_page(services.exploration.figures(name), services.audit.latest(name), services.catalog[name])


class _Links(HTMLParser):
    found: list[str]

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_exploration_and_its_page_need_nothing_from_elsewhere(services: Services, client: FlaskClient) -> None:
    figures = client.get("/api/datasets/glaucoma/exploration").get_json()
    images = 2 * PER_CLASS + 3
    assert figures["images"] == images
    width = figures["measures"]["width"]
    assert sum(sum(values["counts"]) for values in width["classes"].values()) == images
    assert width["classes"]["normal"]["median"] == 160
    assert {name: len(some) for name, some in figures["samples"].items()} == {"glaucoma": 8, "normal": 8}
    page = page_of(services, "glaucoma")
    links = _Links()
    links.found = []
    links.feed(page)
    assert len(links.found) == 16 + len(figures["augmentation"])
    assert all(link.startswith("data:image/jpeg;base64,") for link in links.found)
    assert client.get("/api/datasets/cat_dog/exploration").status_code == 400


def test_a_file_name_cannot_write_into_the_page(services: Services) -> None:
    name = '"><script>alert(1)</script>.jpg'
    services.intake.add(
        services.catalog["cat_dog"], LabelledImage(draw("cat_face", 1, 96).jpeg(), name, "cat", None, "drawn")
    )
    db.session.commit()
    page = page_of(services, "cat_dog")
    assert "<script>" not in page
