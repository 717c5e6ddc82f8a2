"""Several classifiers of one photograph, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from bundle_copies import add_version
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.drawing import draw
from app.services.serving.several import MOST
from app.services.wiring import Services
from app.store.db import db
from app.store.tables import Prediction, ShadowAnswer

EYE = draw("fundus_glaucoma", 11, 512).jpeg()
OWN = {"id", "timestamp", "duration_ms", "cached"}  # of each answer


def ask(client: FlaskClient, classifier: str, status: int = 200, **query: Any) -> dict[str, Any]:  # noqa: ANN401
    """Post the photograph."""
    asked = {"classifier": classifier, **query}
    answer = client.post("/api/predict", query_string=asked, data=EYE, content_type="image/jpeg")
    assert answer.status_code == status, answer.get_data(as_text=True)
    body: dict[str, Any] = answer.get_json()
    return body


def same(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in OWN}


@pytest.mark.parametrize("query", [{}, {"explain": "true", "similar": "2"}])
def test_each_answer_is_that_of_a_single_call_and_is_logged(client: FlaskClient, query: dict[str, Any]) -> None:
    names = ["glaucoma", "eye_diseases", "cat_dog"]
    found = ask(client, " glaucoma,eye_diseases, cat_dog ,glaucoma", **query)
    assert list(found["answers"]) == names
    assert found["unanswered"] == {}
    assert db.session.scalar(select(func.count()).select_from(Prediction)) == 3
    for name in names:
        answer = found["answers"][name]
        assert same(answer) == same(ask(client, name, **query))
        logged = client.get(f"/api/predictions/{answer['id']}").get_json()
        assert (logged["classifier"], logged["probabilities"]) == (name, answer["probabilities"])
    corrected = client.post(f"/api/predictions/{found['answers']['cat_dog']['id']}/feedback", json={"label": "dog"})
    assert corrected.get_json()["feedback"]["label"] == "dog"


def test_all_are_asked(client: FlaskClient) -> None:
    everyone = list(ask(client, "all")["answers"])
    assert everyone == ["cat_dog", "cataract", "diabetic_retinopathy", "dr_grade", "eye_diseases", "glaucoma"]


def test_a_classifier_without_a_model_is_reported(client: FlaskClient, services: Services) -> None:
    services.registry.move("cataract", "champion", None, "For the test.")
    found = ask(client, "all")
    assert "cataract" not in found["answers"]
    assert list(found["unanswered"]) == ["cataract"]
    assert "has no trained model yet" in found["unanswered"]["cataract"]
    assert ask(client, "glaucoma,cataract", 404) == ask(client, "cataract", 404)
    assert db.session.scalar(select(func.count()).select_from(Prediction)) == 5


def test_what_cannot_be_meant_is_refused(client: FlaskClient) -> None:
    assert "'nothing'" in ask(client, "glaucoma,nothing", 404)["detail"]
    assert "not 0" in ask(client, " , ", 400)["detail"]
    many = ",".join(f"c{number}" for number in range(MOST + 1))
    assert f"not {MOST + 1}" in ask(client, many, 400)["detail"]
    assert "belongs to one classifier" in ask(client, "glaucoma,cat_dog", 400, version="1")["detail"]
    assert "has no challenger" in ask(client, "glaucoma,cat_dog", 400, version="challenger")["detail"]
    assert db.session.scalar(select(func.count()).select_from(Prediction)) == 0


def test_a_name_with_a_comma_gives_the_form_of_several(client: FlaskClient) -> None:
    assert list(ask(client, "glaucoma,")["answers"]) == ["glaucoma"]


def test_a_challenger_in_the_shadow_answers_for_its_classifier_alone(client: FlaskClient, services: Services) -> None:
    add_version(services.registry.root, "glaucoma", 2)
    services.registry.adopt("glaucoma")
    services.registry.move("glaucoma", "challenger", 2, "For the test.")
    services.traffic.set_traffic("glaucoma", 2, "shadow", 100, "For the test.")
    found = ask(client, "cat_dog,glaucoma")["answers"]
    shadow = db.session.scalars(select(ShadowAnswer)).one()
    assert (shadow.prediction_id, shadow.classifier) == (found["glaucoma"]["id"], "glaucoma")
    assert shadow.champion_ms > 0


def test_the_documents_show_both_forms(client: FlaskClient) -> None:
    document = client.get("/openapi.json").get_json()
    content = document["paths"]["/api/predict"]["post"]["responses"]["200"]["content"]["application/json"]
    name = content["schema"]["$ref"].rpartition("/")[2]
    forms = [form["$ref"].rpartition("/")[2] for form in document["components"]["schemas"][name]["oneOf"]]
    assert forms == ["GivenAnswer", "GivenAnswers"]
