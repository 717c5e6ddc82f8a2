"""Answers that the log holds already."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from bundle_copies import add_version
from conftest import ON_BOTH
from flask import Flask
from sqlalchemy import func, select

from app import create_app
from app.config import Settings
from app.drawing import draw
from app.inference.predictor import Predictor
from app.services.serving.known import AT_ONCE
from app.services.serving.predict import PredictionRequest
from app.services.wiring import Services
from app.store.db import db
from app.store.tables import Prediction

NAME = "cat_dog"
CAT = draw("cat_face", 1, 128).jpeg()
OWN = {"id", "timestamp", "duration_ms", "cached"}

pytestmark = ON_BOTH


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[Predictor]:
    """The models that have computed an answer."""
    found: list[Predictor] = []
    predict = Predictor.predict

    def counting(predictor: Predictor, *asked: Any, **options: Any) -> Any:  # noqa: ANN401 - as it is called
        found.append(predictor)
        return predict(predictor, *asked, **options)

    monkeypatch.setattr(Predictor, "predict", counting)
    return found


def ask(services: Services, classifier: str = NAME, **asked: Any) -> dict[str, Any]:  # noqa: ANN401 - of the request
    return services.predict.predict(PredictionRequest(asked.pop("data", CAT), classifier, **asked))


def same(answer: dict[str, Any]) -> dict[str, Any]:
    """What it says, as JSON."""
    found: dict[str, Any] = orjson.loads(orjson.dumps({key: answer[key] for key in answer if key not in OWN}))
    return found


def test_it_is_a_row_of_its_own_that_nobody_computes(services: Services, computed: list[Predictor]) -> None:
    first, again, third = (ask(services, filename=f"{number}.jpg") for number in range(3))
    assert len(computed) == 1
    assert same(first) == same(again) == same(third)
    assert ["cached" in answer for answer in (first, again, third)] == [False, True, True]
    rows = {row.id: row for row in db.session.scalars(select(Prediction))}
    assert [rows[answer["id"]].filename for answer in (first, again, third)] == ["0.jpg", "1.jpg", "2.jpg"]
    assert rows[again["id"]].body == orjson.loads(orjson.dumps(again))
    assert rows[again["id"]].measures == rows[first["id"]].measures
    services.history.correct(again["id"], "dog")
    assert services.history.get(first["id"]).label is None
    assert services.monitor.statistics(NAME, None)["predictions"] == 3


def test_a_large_image_is_found_too(services: Services, computed: list[Predictor]) -> None:
    large = CAT + bytes(AT_ONCE)  # what follows a JPEG is not read
    assert same(ask(services, data=large)) == same(ask(services, data=large))
    assert len(computed) == 1


@pytest.mark.parametrize("asked", [{"explain": True}, {"similar": 2}, {"data": CAT + b" "}, {"classifier": "glaucoma"}])
def test_other_questions_are_computed(services: Services, computed: list[Predictor], asked: dict[str, Any]) -> None:
    ask(services)
    assert "cached" not in ask(services, **asked)
    assert len(computed) == 2


def test_each_version_has_its_own(services: Services, computed: list[Predictor]) -> None:
    add_version(services.registry.root, NAME, 2)
    services.registry.adopt(NAME)
    ask(services)
    assert [ask(services, version=version)["model_version"] for version in ("2", "1", "2")] == [2, 1, 2]
    assert len(computed) == 2


def test_a_challenger_in_the_shadow_is_compared_with_a_computation(
    services: Services, computed: list[Predictor]
) -> None:
    add_version(services.registry.root, NAME, 2)
    services.registry.adopt(NAME)
    services.registry.move(NAME, "challenger", 2, "For the test.")
    services.traffic.set_traffic(NAME, 2, "shadow", 100, "For the test.")
    for _ in range(2):
        assert "cached" not in ask(services)
    assert len(computed) == 4


def test_several_are_known_together(services: Services, computed: list[Predictor]) -> None:
    requests = [PredictionRequest(CAT, name) for name in (NAME, "glaucoma")]
    ask(services)
    for expected in (False, True):
        assert ["cached" in each for each in services.predict.predict_each(requests)] == [expected] * 2
    assert len(computed) == 3
    assert db.session.scalar(select(func.count()).select_from(Prediction)) == 5


def test_an_image_that_was_removed_is_stored_again(services: Services, computed: list[Predictor]) -> None:
    ask(services)
    sha256 = db.session.scalars(select(Prediction.sha256)).one()
    services.files.place(sha256).unlink()
    assert ask(services)["cached"]
    assert services.files.read(sha256) == CAT
    assert len(computed) == 1


def test_neither_an_older_process_nor_a_setting_that_is_off_is_asked(
    app: Flask, settings: Settings, services: Services, computed: list[Predictor]
) -> None:
    assert app
    ask(services)
    for changes in ({}, {"answer_cache": "off"}):
        later = create_app(settings.model_copy(update=changes))
        with later.app_context():
            found: Services = later.extensions["fovea"]
            assert "cached" not in ask(found)
            assert ask(found).get("cached", False) is (not changes)
            db.session.remove()
            db.engine.dispose()
    assert len(computed) == 4


def test_the_index_of_the_log_finds_it(services: Services, settings: Settings) -> None:
    if settings.database_url:
        pytest.skip("PostgreSQL reads a table this small without its indexes.")
    ask(services)
    text = str(
        select(Prediction.body)
        .where(Prediction.sha256 == "0", Prediction.classifier == NAME, Prediction.model_version == 1)
        .order_by(Prediction.created_at.desc())
        .compile(db.engine, compile_kwargs={"literal_binds": True})
    )
    plan = str(db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").all())
    assert "predictions_by_image" in plan
    assert "TEMP B-TREE" not in plan
