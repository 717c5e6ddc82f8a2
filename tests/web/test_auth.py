from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from app.web.security.auth import PUBLIC
from flask import Flask, url_for
from flask.testing import FlaskClient
from http_checks import problem

from app import create_app
from app.config import Settings
from app.services.operations import keys
from app.services.setup import initialise
from app.store.db import db
from app.store.tables import ApiKey

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Flask]:
    """An application that asks for keys."""
    app = create_app(Settings(data_dir=tmp_path / "data", auth="keys"))
    with app.app_context():
        initialise(app.extensions["fovea"])
        yield app


@pytest.fixture
def visitor(locked: Flask) -> FlaskClient:
    return locked.test_client()


def calls(app: Flask) -> list[tuple[str, str, str]]:
    """Return (endpoint, method, address) of every call, the arguments of its address filled in."""
    values = {str: "x", int: 1}
    found = []
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            arguments: dict[str, Any] = {
                name: values[int] if "Integer" in type(rule._converters[name]).__name__ else values[str]  # noqa: SLF001 - no other door
                for name in rule.arguments
            }
            arguments |= {"page": "models"} if "page" in arguments else {}
            url = url_for(rule.endpoint, **arguments)
            found += [(rule.endpoint, method, url) for method in sorted(rule.methods or ()) if method != "OPTIONS"]
    return found


def test_nothing_but_the_public_calls_answers_without_a_key(locked: Flask, visitor: FlaskClient) -> None:
    seen = calls(locked)
    assert len(seen) > 40
    for endpoint, method, url in seen:
        answer = visitor.open(url, method=method)
        if endpoint in PUBLIC:
            assert answer.status_code != 401 or endpoint == "auth.enter", (method, url)
        else:
            assert answer.status_code == 401, (method, url)
            assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_what_is_public_is_only_what_must_be() -> None:
    assert {"state.livez", "state.readyz", "auth.login", "auth.enter", "static", "bootstrap.static"} == PUBLIC


def test_a_refusal_says_how_to_get_in(visitor: FlaskClient) -> None:
    for url in ("/api/status", "/metrics"):
        answer = visitor.get(url, headers={"Accept": "*/*"})  # as curl and most programs say
        assert "'flask keys create' makes one" in problem(answer, 401)


def test_a_key_is_taken_in_both_headers(visitor: FlaskClient) -> None:
    key = keys.create("clinic")
    assert visitor.get("/api/status", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    assert visitor.get("/api/status", headers={"authorization": f"bearer {key}"}).status_code == 200
    assert visitor.get("/api/status", headers={"X-API-Key": key}).status_code == 200
    assert visitor.get("/metrics", headers={"X-API-Key": key}).status_code == 200


@pytest.mark.parametrize("wrong", ["", "fovea_", "fovea_wrong", "' OR 1=1 --", "\xff"])
def test_a_wrong_key_is_refused(visitor: FlaskClient, wrong: str) -> None:
    keys.create("clinic")
    for headers in ({"Authorization": f"Bearer {wrong}"}, {"X-API-Key": wrong}, {"Authorization": f"Basic {wrong}"}):
        problem(visitor.get("/api/status", headers=headers), 401)
    assert visitor.post("/login", data={"key": wrong}).status_code == 401


def test_a_key_is_kept_as_a_hash_and_can_be_revoked(visitor: FlaskClient) -> None:
    key = keys.create("clinic")
    row = db.session.scalars(db.select(ApiKey)).one()
    assert key not in (row.name, row.sha256)
    keys.revoke("clinic")
    problem(visitor.get("/api/status", headers={"X-API-Key": key}), 401)


def test_a_person_is_led_to_the_login_and_out_again(visitor: FlaskClient) -> None:
    sent_away = visitor.get("/monitor", headers=HTML)
    assert (sent_away.status_code, sent_away.headers["Location"]) == (302, "/login")
    assert visitor.get("/login", headers=HTML).status_code == 200
    entered = visitor.post("/login", data={"key": keys.create("me")})
    assert (entered.status_code, entered.headers["Location"]) == (302, "/")
    cookie = entered.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert visitor.get("/monitor", headers=HTML).status_code == 200
    assert visitor.get("/api/status").status_code == 200
    assert visitor.post("/logout").headers["Location"] == "/login"
    problem(visitor.get("/api/status"), 401)


def test_a_session_ends_with_its_key(visitor: FlaskClient) -> None:
    visitor.post("/login", data={"key": keys.create("me")})
    keys.create("somebody else")
    assert keys.revoke("somebody else") == 1
    assert visitor.get("/api/status").status_code == 200
    keys.revoke("me")
    problem(visitor.get("/api/status"), 401)
    assert visitor.get("/monitor", headers=HTML).headers["Location"] == "/login"


def test_another_key_of_signing_makes_an_old_cookie_worthless(locked: Flask, visitor: FlaskClient) -> None:
    visitor.post("/login", data={"key": keys.create("me")})
    locked.secret_key = "another"  # noqa: S105 - not the one in use
    problem(visitor.get("/api/status"), 401)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_sites_page_may_look_but_change_nothing(client: FlaskClient, site: str) -> None:
    headers = {"Sec-Fetch-Site": site}
    for url in ("/api/predict", "/api/retrain", "/api/models/cat_dog/1/promote", "/login"):
        assert "may not make this call" in problem(client.post(url, headers=headers), 403)
    problem(client.delete("/api/jobs/x", headers=headers), 403)
    assert client.get("/api/status", headers=headers).status_code == 200
    assert client.post("/api/models/cat_dog/1/promote", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


def test_the_signing_key_is_made_once_and_for_its_owner_alone(settings: Settings) -> None:
    first, second = create_app(settings).secret_key, create_app(settings).secret_key
    assert first == second
    assert len(str(first)) == 64
    assert (settings.instance_dir / "secret_key").stat().st_mode & 0o777 == 0o600


def test_a_signing_key_that_a_crash_left_empty_is_made_anew(settings: Settings) -> None:
    settings.prepare_folders()
    (settings.instance_dir / "secret_key").touch(0o600)
    assert len(str(create_app(settings).secret_key)) == 64
