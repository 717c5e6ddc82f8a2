"""Looking at images over HTTP: those of a dataset, those that people judged, those that a version was tested on."""

from __future__ import annotations

import io
import shutil
import zipfile
from typing import Any

import cv2
import numpy as np
import pytest
from flask.testing import FlaskClient
from http_checks import CAT, form, problem

from app.config import CHECKOUT, Settings
from app.drawing import draw
from app.services.wiring import Services
from app.training.progress import silent

DOG = draw("dog_face", 2, 128).jpeg()


def ask(client: FlaskClient, data: bytes, label: str) -> str:
    """Predict an image of a pet and say what it shows; return the prediction's id."""
    found: str = client.post("/api/predict?classifier=cat_dog", data=data).get_json()["id"]
    assert client.post(f"/api/predictions/{found}/feedback", json={"label": label}).status_code == 200
    return found


def get(client: FlaskClient, url: str) -> Any:  # noqa: ANN401 - JSON
    answer = client.get(url)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_json()


def test_a_judged_answer_waits_until_its_image_joins_the_dataset(client: FlaskClient) -> None:
    first, second = ask(client, CAT, "cat"), ask(client, DOG, "cat")
    found = get(client, "/api/feedback")
    assert found["waiting"] == {"cat_dog": 2}
    assert [row["id"] for row in found["predictions"]] == [second, first]
    assert get(client, "/api/feedback?classifier=glaucoma") == {"waiting": {}, "predictions": []}
    added = client.post(f"/api/predictions/{first}/feedback/accept")
    assert added.get_json() == {"classifier": "cat_dog", "label": "cat", "added": True}
    assert client.delete(f"/api/predictions/{second}/feedback").get_json()["feedback"] is None
    assert get(client, "/api/feedback")["waiting"] == {}
    summary = get(client, "/api/datasets/cat_dog")
    assert (summary["classes"], summary["sources"]) == ({"cat": 1, "dog": 0}, {"feedback": 1})


def test_a_judged_answer_does_not_overrule_the_dataset(client: FlaskClient) -> None:
    client.post("/api/upload", **form([("files", "x.jpg", CAT)], classifier="cat_dog", label="cat"))
    known, unjudged = ask(client, CAT, "dog"), client.post("/api/predict?classifier=cat_dog", data=DOG).get_json()["id"]
    assert "has this image as cat already" in problem(client.post(f"/api/predictions/{known}/feedback/accept"), 409)
    assert "send its feedback first" in problem(client.post(f"/api/predictions/{unjudged}/feedback/accept"), 409)
    assert get(client, "/api/datasets/cat_dog")["classes"] == {"cat": 1, "dog": 0}


def test_a_dataset_is_leafed_through_and_shown_in_small(client: FlaskClient, services: Services) -> None:
    services.datasets.synth("cat_dog", 6, 1, silent)
    found = get(client, "/api/datasets/cat_dog/images?limit=4")
    assert (found["total"], len(found["images"])) == (6, 4)
    rest = get(client, "/api/datasets/cat_dog/images?limit=4&offset=4")["images"]
    assert len({row["sha256"] for row in found["images"] + rest}) == 6
    assert {row["label"] for row in get(client, "/api/datasets/cat_dog/images?label=dog")["images"]} == {"dog"}
    url = f"/api/datasets/cat_dog/images/{rest[0]['sha256']}"
    picture = client.get(url)
    pixels = cv2.imdecode(np.frombuffer(picture.data, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    assert (picture.mimetype, max(pixels.shape)) == ("image/jpeg", 144)
    assert "has no image" in problem(client.get(url.replace("cat_dog", "glaucoma")), 404)
    sizes = get(client, "/api/datasets/cat_dog")["resolutions"]
    assert sum(size["images"] for size in sizes) == 6


def test_a_version_answers_its_test_images_beside_another(
    client: FlaskClient, services: Services, settings: Settings
) -> None:
    assert get(client, "/api/models/cat_dog/1/answers") == {"total": 0, "own": False, "answers": []}
    services.datasets.synth("cat_dog", 60, 1, silent)
    shutil.copytree(CHECKOUT / "models" / "cat_dog" / "1", settings.models_dir / "cat_dog" / "2")
    services.registry.adopt("cat_dog")
    tests = sum(get(client, "/api/datasets/cat_dog")["counts"]["test"].values())
    pages = [get(client, f"/api/models/cat_dog/1/answers?against=2&limit=5&offset={start}") for start in (0, 5)]
    assert {(page["total"], page["own"]) for page in pages} == {(tests, False)}
    rows = [row for page in pages for row in page["answers"]]
    assert len({row["sha256"] for row in rows}) == len(rows) == min(10, tests)
    for row in rows:
        data = services.files.read(row["sha256"])
        served = client.post("/api/predict?classifier=cat_dog", data=data).get_json()
        assert row["answer"] == row["other"] == {name: served[name] for name in row["answer"]}
    assert "no model version 9" in problem(client.get("/api/models/cat_dog/1/answers?against=9"), 404)


def test_a_version_is_asked_about_the_images_it_was_tested_on(client: FlaskClient, services: Services) -> None:
    services.datasets.synth("cat_dog", 40, 1, silent)
    divided = services.versions.freeze("cat_dog", silent)
    services.datasets.synth("cat_dog", 40, 2, silent)
    card = services.registry.card("cat_dog", 1)
    data = card.data.model_copy(update={"sha256": divided.version})
    path = services.registry.folder("cat_dog", 1) / "card.json"
    path.write_text(card.model_copy(update={"data": data}).model_dump_json())
    found = get(client, "/api/models/cat_dog/1/answers?limit=24")
    assert (found["own"], found["total"]) == (True, sum(divided.counts["test"].values()))


def test_a_bundle_comes_whole(client: FlaskClient, settings: Settings) -> None:
    with client.get("/api/models/cat_dog/1/bundle") as answer:
        assert answer.headers["Content-Disposition"] == "attachment; filename=fovea-cat_dog-1.zip"
        data = io.BytesIO(answer.data)
    with zipfile.ZipFile(data) as archive:
        folder = settings.models_dir / "cat_dog" / "1"
        assert archive.testzip() is None
        assert set(archive.namelist()) == {f"cat_dog-1/{path.name}" for path in folder.iterdir()}
        assert archive.read("cat_dog-1/card.json") == (folder / "card.json").read_bytes()


def test_usage_is_counted_over_a_time(client: FlaskClient) -> None:
    client.post("/api/predict?classifier=cat_dog", data=CAT)
    for query in ("", "&hours=1"):
        assert get(client, f"/api/statistics?classifier=cat_dog{query}")["predictions"] == 1
    assert "hours" in problem(client.get("/api/statistics?hours=0"), 400)


@pytest.mark.parametrize(("accepted", "sent"), [("gzip", "gzip"), ("br, zstd", "zstd"), ("identity", None)])
def test_what_is_large_is_sent_in_fewer_bytes(client: FlaskClient, accepted: str, sent: str | None) -> None:
    for url in ("/", "/static/app.css", "/assets/chart.js"):
        with client.get(url, headers={"Accept-Encoding": accepted}) as answer:
            assert (answer.status_code, answer.headers.get("Content-Encoding")) == (200, sent), url
            assert "Accept-Encoding" in answer.headers["Vary"]
    small = client.post("/api/predict?classifier=cat_dog", data=CAT, headers={"Accept-Encoding": accepted})
    assert "Content-Encoding" not in small.headers
