"""Answers are found again, and reviewed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from http_checks import problem

from app.drawing import draw
from app.services.operations import keys
from app.services.operations.roles import ROLES
from app.services.serving.reviews import kappa
from app.store.db import db, now
from app.store.tables import Prediction

Write = Callable[..., str]
BODY = {
    "classifier": "cat_dog", "model_version": 1, "predicted_class": "cat", "prediction": "cat", "confidence": 0.9,
    "probabilities": {"cat": 0.9, "dog": 0.1}, "prediction_set": ["cat"], "decision": "accept", "prevalence": None,
    "operating_point": None, "quality": {"score": 1.0, "gradable": True, "reasons": []},
    "novelty": {"score": 0.5, "threshold": 1.0, "in_distribution": True}, "timestamp": "2026-01-01T00:00:00+00:00",
    "duration_ms": 1.0, "notice": None,
}  # fmt: skip


@pytest.fixture
def write(app: Flask) -> Write:
    """Write a row of the log, so many minutes old; return its id."""

    def work(name: str, minutes: float = 0.0, **values: Any) -> str:  # noqa: ANN401 - columns
        row = {"id": name, "classifier": "cat_dog", "predicted_class": "cat", "decision": "accept"} | values
        at = now() - timedelta(minutes=minutes)
        body = BODY | {"id": name}
        db.session.add(
            Prediction(
                model_version=1, sha256="0" * 64, confidence=0.9, measures={}, body=body, duration_ms=1, created_at=at,
                filename=row.pop("filename", f"{name}.jpg"), **row,
            )
        )  # fmt: skip
        db.session.commit()
        return name

    assert app
    return work


def ids(client: FlaskClient, **query: str) -> list[str]:
    answer = client.get("/api/predictions", query_string=query)
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.get_json()]


def test_answers_are_found_by_what_is_known_of_them(client: FlaskClient, write: Write) -> None:
    write("a", 30, filename="Smith_left.jpg", patient="Smith", decision="uncertain")
    write("b", 20, filename="50%_sure.jpg", predicted_class="dog")
    write("c", 10, classifier="glaucoma", predicted_class="normal")
    assert ids(client, q="smith") == ["a"]
    assert ids(client, q="%") == ["b"]
    assert ids(client, q="_") == ["b", "a"]
    assert ids(client, patient="Smith") == ["a"]
    assert ids(client, decision="uncertain") == ["a"]
    assert ids(client, predicted_class="dog") == ["b"]
    assert ids(client, classifier="glaucoma") == ["c"]
    moment = (now() - timedelta(minutes=15)).isoformat()
    assert ids(client, since=moment) == ["c"]
    assert ids(client, until=moment) == ids(client, before=moment) == ["b", "a"]
    assert ids(client, q="nobody") == []
    problem(client.get("/api/predictions?classifier=nothing"), 404)


def test_a_cursor_continues_where_a_page_ended_also_within_a_moment(client: FlaskClient, write: Write) -> None:
    at = now()
    for number in range(7):
        write(f"p{number}")
    db.session.execute(db.update(Prediction).values(created_at=at))
    db.session.commit()
    seen, cursor, pages = [], "", 0
    while True:
        answer = client.get("/api/predictions", query_string={"limit": 3, "cursor": cursor})
        seen += [row["id"] for row in answer.get_json()]
        pages += 1
        if "X-Next-Cursor" not in answer.headers:
            break
        cursor = answer.headers["X-Next-Cursor"]
        assert client.get(answer.headers["Link"].partition("<")[2].partition(">")[0]).status_code == 200
    assert (pages, seen) == (3, [f"p{number}" for number in range(6, -1, -1)])
    assert "next one" in problem(client.get("/api/predictions?cursor=nonsense"), 400)


def test_a_verdict_is_kept_shown_and_followed_by_the_correction(client: FlaskClient, write: Write) -> None:
    url = f"/api/predictions/{write('a')}/review"
    write("b")
    given = client.put(url, json={"verdict": "wrong", "label": "dog", "note": "A dog.", "reviewer": "Ada"}).get_json()
    assert given["feedback"]["label"] == "dog"
    assert [{**each, "at": None} for each in given["reviews"]] == [
        {"reviewer": "Ada", "verdict": "wrong", "label": "dog", "note": "A dog.", "at": None}
    ]
    assert (ids(client, reviewed="true"), ids(client, reviewed="false")) == (["a"], ["b"])
    given = client.put(url, json={"verdict": "right", "reviewer": "Ada"}).get_json()
    assert (len(given["reviews"]), given["feedback"]["label"]) == (1, "cat")
    given = client.put(url, json={"verdict": "unsure", "reviewer": "Bea"}).get_json()
    assert ([each["reviewer"] for each in given["reviews"]], given["feedback"]) == (["Ada", "Bea"], None)
    given = client.delete(f"{url}?reviewer=Bea").get_json()
    assert [each["reviewer"] for each in given["reviews"]] == ["Ada"]
    problem(client.delete(f"{url}?reviewer=Bea"), 404)


def test_a_verdict_that_contradicts_itself_is_refused(client: FlaskClient, write: Write) -> None:
    url = f"/api/predictions/{write('a')}/review"
    assert "belongs to the verdict 'wrong'" in problem(client.put(url, json={"verdict": "right", "label": "dog"}), 400)
    assert "then 'right'" in problem(client.put(url, json={"verdict": "wrong", "label": "cat"}), 400)
    problem(client.put(url, json={"verdict": "wrong", "label": "bird"}), 400)
    problem(client.put(url, json={"verdict": "perhaps"}), 400)
    problem(client.put("/api/predictions/none/review", json={"verdict": "right"}), 404)
    assert client.get("/api/predictions/a").get_json()["reviews"] == []


def test_the_key_names_the_reviewer(app: Flask, client: FlaskClient, write: Write) -> None:
    url = f"/api/predictions/{write('a')}/review"
    app.extensions["fovea"].settings.__dict__["auth"] = "keys"
    key = {"X-API-Key": keys.create("Ada", ROLES["reviewer"])}
    assert client.put(url, json={"verdict": "right"}, headers=key).get_json()["reviews"][0]["reviewer"] == "Ada"
    told = problem(client.put(url, json={"verdict": "right", "reviewer": "Bea"}, headers=key), 400)
    assert "Your key names the reviewer: 'Ada'" in told


def test_the_agreement_of_two_reviewers_is_cohens_kappa(client: FlaskClient, write: Write) -> None:
    for number in range(4):
        url = f"/api/predictions/{write(f'p{number}')}/review"
        client.put(url, json={"verdict": "right" if number < 2 else "unsure", "reviewer": "Ada"})
        client.put(url, json={"verdict": "right" if number < 1 else "unsure", "reviewer": "Bea"})
    found = client.get("/api/reviews?classifier=cat_dog").get_json()
    assert found["reviewers"] == {"Ada": {"right": 2, "unsure": 2}, "Bea": {"right": 1, "unsure": 3}}
    assert found["agreement"] == [{"reviewers": ["Ada", "Bea"], "n": 4, "same": 3, "kappa": 0.5}]
    assert client.get("/api/reviews?classifier=glaucoma").get_json() == {"reviewers": {}, "agreement": []}


def test_kappa_has_known_values() -> None:
    pairs = [("a", "a")] * 20 + [("a", "b")] * 5 + [("b", "a")] * 10 + [("b", "b")] * 15
    assert kappa(pairs) == 0.4  # the example that is usually given
    assert kappa([("a", "a")] * 3) is None


def test_whose_photograph_it_is_is_kept_and_given_back(client: FlaskClient) -> None:
    photograph = draw("cat_face", 3, 96).jpeg()
    for patient, eye in (("Smith", "left"), ("Jones", "right")):
        form = {"file": (BytesIO(photograph), "x.jpg"), "classifier": "cat_dog", "patient": patient, "eye": eye}
        given = client.post("/api/predict", data=form).get_json()
        logged = client.get(f"/api/predictions/{given['id']}").get_json()
        assert (given["patient"], given["eye"]) == (logged["patient"], logged["eye"]) == (patient, eye)
        assert ids(client, patient=patient) == [given["id"]]
    given = client.post("/api/predict?classifier=cat_dog", data=photograph, content_type="image/jpeg").get_json()
    assert (given["patient"], given["eye"]) == (None, None)
    assert "eye" in problem(client.post("/api/predict?eye=third", data=photograph, content_type="image/jpeg"), 400)
