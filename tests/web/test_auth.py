from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient
from http_checks import problem
from werkzeug.test import TestResponse

from app import create_app
from app.config import Settings
from app.services.jobs.queues import ROUTES
from app.services.operations import keys
from app.services.operations.roles import ROLES, Role
from app.services.setup import initialise
from app.store.audit_log import entries, verify
from app.store.db import db, now
from app.store.tables import ApiKey, Job, Session
from app.store.transaction import transaction
from app.web.security.auth import PUBLIC
from app.web.security.scopes import NEEDED, NEEDED_BY_KIND, READING, needed

CHROMIUM = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
    "application/signed-exchange;v=b3;q=0.7"
)
FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
HTML = {"Accept": CHROMIUM}


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
    looks = {"static", "bootstrap.static", "docs.assets", "pages.chart", "pages.icons"}
    assert {"state.livez", "state.readyz", "auth.login", "auth.enter", "auth.logout"} | looks == PUBLIC


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


def test_every_call_that_changes_something_says_what_it_needs(locked: Flask) -> None:
    endpoints = {endpoint for endpoint, method, _ in calls(locked) if method not in READING} - PUBLIC
    assert endpoints == set(NEEDED)
    assert set(NEEDED_BY_KIND) == set(ROUTES)


@pytest.mark.parametrize("role", list(ROLES))
def test_a_key_opens_what_its_role_may_and_nothing_else(locked: Flask, visitor: FlaskClient, role: Role) -> None:
    headers = {"X-API-Key": keys.create("somebody", ROLES[role])}
    for endpoint, method, url in calls(locked):
        if endpoint in PUBLIC:
            continue
        answer = visitor.open(url, method=method, headers=headers)
        allowed = needed(endpoint, method) in ROLES[role]
        assert (answer.status_code != 403) == allowed, (endpoint, method, answer.text)
        assert answer.status_code != 401
        assert answer.status_code < 500, (endpoint, method, answer.text)


def test_a_refusal_names_the_scope_that_lacks(visitor: FlaskClient) -> None:
    key = {"X-API-Key": keys.create("desk", ROLES["reviewer"])}
    told = problem(visitor.post("/api/retrain", json={"classifier": "cat_dog"}, headers=key), 403)
    assert "'desk' (reviewer) may not do this: it lacks the scope 'train'" in told


def test_a_training_is_cancelled_only_by_who_may_train(locked: Flask, visitor: FlaskClient) -> None:
    with transaction():
        db.session.add(Job(id="t1", kind="retrain", classifier="cat_dog"))
        db.session.add(Job(id="b1", kind="bulk_predict", classifier="cat_dog"))
    reviewer = {"X-API-Key": keys.create("desk", ROLES["reviewer"])}
    problem(visitor.delete("/api/jobs/t1", headers=reviewer), 403)
    assert visitor.delete("/api/jobs/b1", headers=reviewer).status_code == 200
    trainer = {"X-API-Key": keys.create("lab", ROLES["trainer"])}
    assert visitor.delete("/api/jobs/t1", headers=trainer).get_json()["events"][-1]["cause"] == "Cancelled by key lab."
    assert locked


def test_a_key_ends_on_its_day_and_tells_when_it_was_used(visitor: FlaskClient) -> None:
    key = {"X-API-Key": keys.create("visitor", ROLES["viewer"], days=1)}
    assert visitor.get("/api/status", headers=key).status_code == 200
    row = db.session.scalars(db.select(ApiKey)).one()
    assert row.last_used_at is not None
    with transaction():
        row.expires_at = now() - timedelta(seconds=1)
    problem(visitor.get("/api/status", headers=key), 401)


def test_what_a_key_did_is_in_the_audit_log(visitor: FlaskClient) -> None:
    key = {"X-API-Key": keys.create("lab")}
    visitor.post("/login", data={"key": key["X-API-Key"]})
    visitor.post("/logout")
    visitor.post("/api/models/cat_dog/1/promote", json={"reason": "it is good"}, headers=key)
    visitor.get("/api/models/cat_dog/1/bundle", headers=key).close()
    told = [(entry.actor, entry.action, entry.subject) for entry in entries() if entry.actor == "key lab"]
    assert told == [
        ("key lab", "session.started", "lab"), ("key lab", "session.ended", "lab"),
        ("key lab", "alias.moved", "cat_dog"), ("key lab", "version.downloaded", "cat_dog"),
    ]  # fmt: skip
    assert (
        visitor.get("/api/model-info?classifier=cat_dog", headers=key).get_json()["alias_moves"][0]["actor"]
        == "key lab"
    )
    assert verify("any") == len(list(entries()))


def sign_in(visitor: FlaskClient, name: str = "me", **fields: str) -> TestResponse:
    return visitor.post("/login", data={"key": keys.create(name), **fields})


@pytest.mark.parametrize("accept", [CHROMIUM, FIREFOX])
def test_a_person_is_led_to_the_login_and_out_again(visitor: FlaskClient, accept: str) -> None:
    asked = {"Accept": accept}
    sent_away = visitor.get("/monitor?classifier=cat_dog", headers=asked)
    assert (sent_away.status_code, sent_away.headers["Location"]) == (
        302, "/login?next=/monitor?classifier%3Dcat_dog",
    )  # fmt: skip
    page = visitor.get(sent_away.headers["Location"], headers=asked).get_data(as_text=True)
    assert 'name="next" value="/monitor?classifier=cat_dog"' in page
    entered = sign_in(visitor, next="/monitor?classifier=cat_dog")
    assert (entered.status_code, entered.headers["Location"]) == (302, "/monitor?classifier=cat_dog")
    cookie = entered.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    assert visitor.get("/monitor", headers=asked).status_code == 200
    assert visitor.get("/api/status").status_code == 200
    assert visitor.post("/logout").headers["Location"] == "/login"
    problem(visitor.get("/api/status"), 401)


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:x", "x", ""],
)
def test_signing_in_leads_nowhere_else(visitor: FlaskClient, elsewhere: str) -> None:
    assert sign_in(visitor, next=elsewhere).headers["Location"] == "/"


def test_the_login_page_has_its_looks_without_a_key(visitor: FlaskClient) -> None:
    page = visitor.get("/login").get_data(as_text=True)
    addresses = {address.partition("#")[0] for address in re.findall(r'(?:src|href)="(/[^"]+)"', page)}
    assert addresses >= {"/static/app.css", "/static/favicon.svg"}
    for address in {*addresses, "/assets/icons.svg"} - {"/", "/login"}:
        with visitor.get(address) as answer:
            assert answer.status_code == 200, address


def test_behind_tls_the_cookie_stays_there(visitor: FlaskClient) -> None:
    entered = visitor.post("/login", data={"key": keys.create("me")}, base_url="https://localhost")
    assert "Secure" in entered.headers["Set-Cookie"]
    assert entered.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_a_session_ends_with_its_key(visitor: FlaskClient) -> None:
    sign_in(visitor)
    keys.create("somebody else")
    assert keys.revoke("somebody else") == 1
    assert visitor.get("/api/status").status_code == 200
    keys.revoke("me")
    problem(visitor.get("/api/status"), 401)
    assert visitor.get("/monitor", headers=HTML).headers["Location"] == "/login?next=/monitor"


def test_a_session_is_no_other_keys_whose_row_has_its_number(visitor: FlaskClient) -> None:
    sign_in(visitor)
    (row,) = db.session.scalars(db.select(ApiKey))
    number = row.id
    db.session.delete(row)
    db.session.commit()
    keys.create("the next one")
    assert db.session.scalars(db.select(ApiKey.id)).all() == [number]
    problem(visitor.get("/api/status"), 401)


def test_signing_out_makes_a_copy_of_the_cookie_worthless(locked: Flask, visitor: FlaskClient) -> None:
    sign_in(visitor)
    copied = visitor.get_cookie("session")
    assert copied
    thief = locked.test_client()
    thief.set_cookie("session", copied.value)
    assert thief.get("/api/status").status_code == 200
    visitor.post("/logout")
    problem(thief.get("/api/status"), 401)


def test_a_session_ends_after_a_week(visitor: FlaskClient) -> None:
    sign_in(visitor)
    db.session.execute(db.update(Session).values(created_at=now() - keys.LIFETIME))
    db.session.commit()
    problem(visitor.get("/api/status"), 401)


def test_the_login_takes_a_small_form_alone(visitor: FlaskClient) -> None:
    assert "limit of 4 kB" in problem(visitor.post("/login", data={"key": "x" * 5000}), 413)
    assert "more than 100 fields" in problem(
        visitor.post("/login", data="a&" * 200, content_type="application/x-www-form-urlencoded"), 413
    )


def test_what_is_private_is_kept_nowhere(visitor: FlaskClient) -> None:
    key = {"X-API-Key": keys.create("me")}
    for url in ("/api/status", "/monitor", "/login"):
        assert visitor.get(url, headers=key).headers["Cache-Control"] == "no-store"
    assert visitor.get("/api/jobs", headers=key).headers["Cache-Control"] == "no-cache, private"
    with visitor.get("/static/app.css") as sheet:
        assert "no-store" not in sheet.headers.get("Cache-Control", "")


def test_another_key_of_signing_makes_an_old_cookie_worthless(locked: Flask, visitor: FlaskClient) -> None:
    visitor.post("/login", data={"key": keys.create("me")})
    locked.secret_key = "another"  # noqa: S105 - not the one in use
    problem(visitor.get("/api/status"), 401)


def test_the_signing_key_is_made_once_and_for_its_owner_alone(settings: Settings) -> None:
    first, second = create_app(settings).secret_key, create_app(settings).secret_key
    assert first == second
    assert len(str(first)) == 64
    assert (settings.instance_dir / "secret_key").stat().st_mode & 0o777 == 0o600


def test_a_signing_key_that_a_crash_left_empty_is_made_anew(settings: Settings) -> None:
    settings.prepare_folders()
    (settings.instance_dir / "secret_key").touch(0o600)
    assert len(str(create_app(settings).secret_key)) == 64
