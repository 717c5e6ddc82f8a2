"""Making, changing and deleting classifiers over HTTP."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
import yaml
from conftest import ON_BOTH
from flask.testing import FlaskClient
from http_checks import CAT, form, pack, problem
from sqlalchemy import select

from app import create_app
from app.classifiers.catalog import read_spec
from app.config import CHECKOUT, Settings
from app.drawing import draw
from app.errors import NotFound
from app.services.wiring import Services
from app.store import audit_log
from app.store.db import db, now
from app.store.tables import AliasMove, Image, Job, ModelVersion, Prediction, StoredClassifier
from app.store.transaction import transaction

LEAF = {"name": "leaf", "classes": ["healthy", {"name": "mildew", "title": "Powdery mildew"}]}
DRAWN = {
    f"{folder}/{seed}.jpg": draw(subject, seed, 96).jpeg()
    for folder, subject in (("leaves/Healthy", "cat_face"), ("leaves/With mildew", "dog_face"))
    for seed in range(3)
}


def create(client: FlaskClient, **fields: object) -> Any:  # noqa: ANN401 - JSON
    answer = client.post("/api/classifiers", json={**LEAF, **fields})
    assert answer.status_code == 201, answer.get_data(as_text=True)
    return answer.get_json()


def serve_demo(services: Services, name: str) -> None:
    """Give a classifier a version that serves: the demonstration model of cats and dogs."""
    with services.registry.staging(name) as folder:
        shutil.copytree(CHECKOUT / "models" / "cat_dog" / "1", folder / "bundle")
        version = services.registry.register(name, folder / "bundle")
    services.registry.move(name, "champion", version, "Test.")


@ON_BOTH
def test_a_name_and_classes_are_enough(client: FlaskClient) -> None:
    made = create(client)
    assert (made["title"], made["description"]) == ("Leaf", "Tells Healthy and Powdery mildew apart.")
    assert (made["source"], made["editable"], made["champion"], made["dataset"]) == ("stored", True, None, None)
    assert client.get("/api/classifiers/leaf").get_json().items() <= made.items()
    assert "leaf" in [each["name"] for each in client.get("/api/classifiers").get_json()]
    assert 'value="leaf"' in client.get("/predict").get_data(as_text=True)
    assert [entry.subject for entry in audit_log.entries() if entry.action == "classifier.created"] == ["leaf"]


def test_labelled_images_tell_the_classes(client: FlaskClient) -> None:
    sent = [("files", "leaves.zip", pack(DRAWN | {"leaves/notes.txt": b"hi"}))]
    answer = client.post("/api/classifiers", **form(sent, name="leaf", title="Leaf health", positive="with_mildew"))
    assert answer.status_code == 201, answer.get_data(as_text=True)
    made = answer.get_json()
    assert answer.headers["Location"] == "/api/classifiers/leaf"
    assert [each["title"] for each in made["classes"]] == ["Healthy", "With mildew"]
    assert (made["title"], made["positive"]) == ("Leaf health", "with_mildew")
    assert made["dataset"]["counts"] == {"unassigned": {"healthy": 3, "with_mildew": 3}}
    assert [each["kind"] for each in made["dataset"]["rejected"]] == ["not_an_image"]


@pytest.mark.parametrize(
    ("fields", "status", "reason"),
    [
        ({"name": "cat_dog"}, 409, "There is a classifier 'cat_dog' already"),
        ({"name": "Leaf health"}, 400, "not a valid name"),
        ({"name": "all"}, 400, "means every classifier"),
        ({"name": None}, 400, "name: is missing"),
        ({"classes": None}, 400, "classes: is missing"),
        ({"classes": ["healthy"]}, 400, "classes: must have a length of at least 2"),
        ({"classes": ["a", "a"]}, 400, "two classes have the same name"),
        ({"classes": [1, 2]}, 400, "classes.0"),
        ({"title": "x" * 121}, 400, "title: must have 1 to 120"),
        ({"positive": "rust"}, 400, "positive: 'rust' is not one of the classes"),
        ({"training": {"backbone": "alexnet"}}, 400, "alexnet"),
        ({"data": {"group_pattern": "((a+)+)$"}}, 400, "repeats"),
        ({"colour": "red"}, 400, "colour: is no field"),
        ({"classes": 5}, 400, "classes"),
        ({"classes": [{}, {}]}, 400, "classes.0.name: is missing"),
        ({"title": "half \ud800"}, 400, "not a JSON object"),
        ({"description": "NUL \0"}, 400, "cannot be kept"),
    ],
)
def test_what_cannot_be_made_is_refused(
    client: FlaskClient, fields: dict[str, object], status: int, reason: str
) -> None:
    given = {name: value for name, value in {**LEAF, **fields}.items() if value is not None}
    sent = client.post("/api/classifiers", data=json.dumps(given), content_type="application/json")
    assert reason in problem(sent, status)


def test_images_of_no_use_leave_no_classifier(client: FlaskClient) -> None:
    for sent, reason in (
        ({"a/IMG.jpg": CAT}, "No classes can be told"),
        ({"a/1.jpg": b"1", "b/2.jpg": b"2"}, "Nothing"),
    ):
        answer = client.post("/api/classifiers", **form([("files", "x.zip", pack(sent))], name="leaf"))
        assert reason in problem(answer, 400)
    assert "No file was sent" in problem(client.post("/api/classifiers", **form(name="leaf")), 400)
    problem(client.get("/api/classifiers/leaf"), 404)
    assert db.session.scalars(select(StoredClassifier)).all() == []


def test_names_alone_tell_what_would_be_made(client: FlaskClient) -> None:
    found = client.post(
        "/api/classifiers/preview", json={"files": [*DRAWN, "leaves/.DS_Store", "leaves/x.txt"]}
    ).get_json()
    assert [each["name"] for each in found["classes"]] == ["healthy", "with_mildew"]
    assert found["counts"] == {"unassigned": {"healthy": 3, "with_mildew": 3}}
    assert (found["ignored"], len(found["rejected"])) == (["leaves/.DS_Store"], 1)
    assert "No classes" in problem(client.post("/api/classifiers/preview", json={"files": ["a/1.jpg", "a/2.jpg"]}), 400)
    problem(client.post("/api/classifiers/preview", json={"files": ["x" * 1001]}), 400)


def test_settings_can_be_changed_and_given_their_defaults_again(client: FlaskClient) -> None:
    create(client, training={"epochs": 3, "batch_size": 8})
    changes = {
        "title": "Leaf health",
        "positive": "mildew",
        "training": {"epochs": 5},
        "preprocessing": {"crop": "center"},
    }
    changed = client.patch("/api/classifiers/leaf", json=changes).get_json()
    assert (changed["title"], changed["positive"], changed["preprocessing"]["crop"]) == (
        "Leaf health",
        "mildew",
        "center",
    )
    assert (changed["training"]["epochs"], changed["training"]["batch_size"]) == (5, 8)
    assert changed["takes_effect"] == dict.fromkeys(("positive", "training", "preprocessing"), "the next training") | {
        "title": "now"
    }
    again = client.patch("/api/classifiers/leaf", json={"positive": None, "training": {"epochs": None}}).get_json()
    assert (again["positive"], again["training"]["epochs"]) == (None, 20)
    added = client.patch("/api/classifiers/leaf", json={"classes": ["healthy", "mildew", "rust"]}).get_json()
    assert [each["title"] for each in added["classes"]] == ["Healthy", "Powdery mildew", "Rust"]
    for wrong in ({"name": "leaves"}, {"coverage": 2}, {"positive": "fungus"}, {"title": ""}):
        problem(client.patch("/api/classifiers/leaf", json=wrong), 400)
    problem(client.patch("/api/classifiers/leaf", data="title=x"), 400)


def test_a_class_is_renamed_only_while_nothing_depends_on_it(client: FlaskClient) -> None:
    create(client)
    renamed = client.patch("/api/classifiers/leaf", json={"classes": ["healthy", "rust"]})
    assert [each["name"] for each in renamed.get_json()["classes"]] == ["healthy", "rust"]
    assert (
        client.post("/api/upload", **form([("files", "1.jpg", CAT)], classifier="leaf", label="rust")).status_code
        == 201
    )
    refused = client.patch("/api/classifiers/leaf", json={"classes": ["healthy", "mildew"]})
    assert "1 images depend on it" in problem(refused, 409)
    titled = client.patch(
        "/api/classifiers/leaf", json={"classes": ["healthy", {"name": "rust", "title": "Leaf rust"}]}
    )
    assert titled.get_json()["takes_effect"] == {"classes": "now"}


def test_built_in_classifiers_stay_as_they_are(client: FlaskClient) -> None:
    assert "built in" in problem(client.patch("/api/classifiers/cat_dog", json={"title": "Pets"}), 409)
    assert "built in" in problem(client.delete("/api/classifiers/cat_dog?confirm=cat_dog"), 409)
    problem(client.patch("/api/classifiers/nothing", json={"title": "Pets"}), 404)
    problem(client.delete("/api/classifiers/nothing?confirm=nothing"), 404)


@ON_BOTH
def test_deleting_takes_all_that_belongs_to_it_and_nothing_else(
    client: FlaskClient, services: Services, settings: Settings
) -> None:
    create(client, classes=["cat", "dog"])
    shared, own = CAT, draw("dog_face", 5, 96).jpeg()
    for name, label, data in (("leaf", "cat", shared), ("leaf", "dog", own), ("cat_dog", "cat", shared)):
        assert (
            client.post("/api/upload", **form([("files", "1.jpg", data)], classifier=name, label=label)).status_code
            == 201
        )
    serve_demo(services, "leaf")
    answer = client.post("/api/predict", **form([("file", "1.jpg", own)], classifier="leaf"))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert "confirm=leaf" in problem(client.delete("/api/classifiers/leaf"), 400)
    assert "confirm=leaf" in problem(client.delete("/api/classifiers/leaf?confirm=leaves"), 400)

    gone = client.delete("/api/classifiers/leaf?confirm=leaf")
    assert gone.get_json() == {
        "classifier": "leaf",
        "deleted": {"images": 2, "predictions": 1, "jobs": 0, "versions": 1},
    }
    problem(client.get("/api/classifiers/leaf"), 404)
    problem(client.post("/api/predict", **form([("file", "1.jpg", own)], classifier="leaf")), 404)
    for table in (Image, Prediction, Job, ModelVersion):
        assert db.session.scalars(select(table).where(table.classifier == "leaf")).all() == [], table
    assert {path.name for path in (settings.uploads_dir / "images").glob("*/*")} == {
        db.session.scalars(select(Image.sha256).where(Image.classifier == "cat_dog")).one()
    }
    assert not (settings.models_dir / "leaf").exists()
    statistics = client.get("/api/statistics").get_json()
    assert statistics["predictions"] == 0

    create(client)  # the name is free again; the number of a version is not, which other processes may have loaded
    assert client.get("/api/classifiers/leaf").get_json()["champion"] is None
    serve_demo(services, "leaf")
    assert services.registry.champion("leaf") == 2
    assert {
        move.alias
        for move in db.session.scalars(select(AliasMove).where(AliasMove.version == 1))
        if move.classifier == "leaf"
    } == {"removed"}


def test_a_classifier_at_work_is_not_deleted(client: FlaskClient) -> None:
    create(client)
    with transaction():
        db.session.add(Job(kind="retrain", classifier="leaf", status="running", started_at=now()))
    assert "is running" in problem(client.delete("/api/classifiers/leaf?confirm=leaf"), 409)
    assert client.get("/api/classifiers/leaf").status_code == 200


@ON_BOTH
def test_every_process_sees_a_change_at_once_or_within_a_second(
    client: FlaskClient, services: Services, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = create_app(settings)  # as another process has it: a catalog of its own on the same database
    catalog = other.extensions["fovea"].catalog
    with other.app_context():
        assert "leaf" not in catalog
        create(client)
        assert catalog["leaf"].title == "Leaf"  # an unknown name is looked for at once
        client.patch("/api/classifiers/leaf", json={"title": "Leaf health"})
        monkeypatch.setattr("app.classifiers.catalog.LOOK_SECONDS", 0.0)  # the time is over
        assert catalog["leaf"].title == "Leaf health"
        client.delete("/api/classifiers/leaf?confirm=leaf")
        with pytest.raises(NotFound):
            catalog["leaf"]
        db.session.remove()
        db.engine.dispose()
    assert services.settings is settings


def test_the_file_that_is_given_makes_the_same_classifier(client: FlaskClient, tmp_path: Any) -> None:  # noqa: ANN401 - a path
    create(client, data={"label_map": {"Grün": "healthy"}}, positive="mildew")
    answer = client.get("/api/classifiers/leaf/spec.yaml")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="leaf.yaml"'
    (tmp_path / "leaf.yaml").write_bytes(answer.data)
    spec = read_spec(tmp_path / "leaf.yaml").model_dump(mode="json")
    assert spec.items() <= client.get("/api/classifiers/leaf").get_json().items()
    assert "Grün" in yaml.safe_load(answer.data)["data"]["label_map"]


def test_the_default_classifier_may_be_stored_and_is_not_deleted(client: FlaskClient, settings: Settings) -> None:
    create(client)
    named = create_app(settings.model_copy(update={"default_classifier": "leaf"}))
    assert "DEFAULT_CLASSIFIER" in problem(named.test_client().delete("/api/classifiers/leaf?confirm=leaf"), 409)
    with named.app_context():
        db.engine.dispose()
