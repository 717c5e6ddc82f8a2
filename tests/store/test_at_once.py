"""Changes that depend on what they have read, made by several at the same moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from threading import Barrier

import pytest
from bundle_copies import add_version
from conftest import ON_BOTH
from flask import Flask
from sqlalchemy import select

from app.drawing import draw
from app.errors import Conflict, FoveaError
from app.services.datasets.archive import Upload
from app.services.serving.predict import PredictionRequest
from app.services.wiring import Services
from app.store.db import db
from app.store.tables import Image, RejectedFile

pytestmark = ON_BOTH
NAME = "cat_dog"
CAT = draw("cat_face", 1, 96).jpeg()
ROUNDS = 5


@pytest.fixture
def versions(services: Services) -> list[int]:
    """The versions of cat_dog: the first serves, the others are copies of it."""
    for version in range(2, 8):
        add_version(services.registry.root, NAME, version)
    services.registry.adopt(NAME)
    return list(services.registry.versions(NAME))


@pytest.fixture
def at_once(app: Flask) -> Callable[[Sequence[Callable[[], object]]], list[object]]:
    """Make calls at the same moment; give what each returned, or the error in a sentence that it raised."""

    def run(calls: Sequence[Callable[[], object]]) -> list[object]:
        together = Barrier(len(calls))

        def one(call: Callable[[], object]) -> object:
            with app.app_context():
                together.wait()
                try:
                    return call()
                except FoveaError as error:
                    return error

        with ThreadPoolExecutor(len(calls)) as pool:
            found = list(pool.map(one, calls))
        db.session.rollback()
        return found

    return run


AtOnce = Callable[[Sequence[Callable[[], object]]], list[object]]


def test_rollbacks_at_once_undo_one_promotion_each(services: Services, versions: list[int], at_once: AtOnce) -> None:
    registry = services.registry
    for version in versions[1:]:
        registry.move(NAME, "champion", version, "Better.")
    found = at_once([lambda: registry.rollback(NAME, "Worse.")] * 4)
    assert sorted(map(str, found)) == [str(version) for version in versions[-5:-1]]
    assert registry.served(NAME) == versions[:-4]
    assert registry.champion(NAME) == versions[-5]


def test_a_promotion_and_a_rollback_at_once_leave_one_history(
    services: Services, versions: list[int], at_once: AtOnce
) -> None:
    registry = services.registry
    registry.move(NAME, "champion", 2, "Better.")
    for version in versions[2:]:
        at_once([
            partial(registry.move, NAME, "champion", version, "Better."),
            lambda: registry.rollback(NAME, "Worse."),
        ])  # fmt: skip
        assert registry.served(NAME)[-1] == registry.champion(NAME)


def test_a_version_is_not_promoted_and_removed_at_once(
    services: Services, versions: list[int], at_once: AtOnce
) -> None:
    registry = services.registry
    for version in versions[1:]:
        moved, removed = at_once([
            partial(registry.move, NAME, "champion", version, "Better."),
            partial(registry.remove, NAME, version, "Not needed."),
        ])  # fmt: skip
        assert isinstance(moved, FoveaError) != isinstance(removed, FoveaError)
        assert registry.champion(NAME) in registry.versions(NAME)


def test_traffic_is_set_for_a_version_that_is_the_challenger(
    services: Services, versions: list[int], at_once: AtOnce
) -> None:
    for first, second in zip(versions[1::2], versions[2::2], strict=True):
        found = at_once([
            partial(services.traffic.set_traffic, NAME, first, "off", None, "Try."),
            partial(services.traffic.set_traffic, NAME, second, "off", None, "Try."),
        ])  # fmt: skip
        assert found == [None, None]
        present = services.registry.alias(NAME, "challenger")
        assert services.traffic.comparison(NAME)["history"][0]["version"] == present


def test_uploads_at_once_may_refuse_files_of_the_same_name(services: Services, at_once: AtOnce) -> None:
    def upload() -> object:
        files = [Upload("cat.1.jpg", BytesIO(CAT)), Upload("README.txt", BytesIO(b"Hello."))]
        return len(services.intake.upload(NAME, files).rejected)

    for number in range(ROUNDS):
        db.session.query(RejectedFile).delete()
        db.session.commit()
        assert at_once([upload] * 4) == [1] * 4, number
        assert len(db.session.scalars(select(RejectedFile)).all()) == 1


def test_feedback_confirmed_at_once_adds_an_image_once(services: Services, at_once: AtOnce) -> None:
    ids = [services.predict.predict(PredictionRequest(CAT, NAME))["id"] for _ in range(4)]
    for number, prediction_id in enumerate(ids):
        services.history.correct(prediction_id, "cat" if number % 2 else "dog")
    found = at_once([partial(services.feedback.accept, each) for each in ids])
    added = [each["added"] for each in found if isinstance(each, dict)]
    assert added.count(True) == 1
    assert sum(isinstance(each, Conflict) for each in found) == 2
    assert len(db.session.scalars(select(Image)).all()) == 1
