from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient
from http_checks import problem

from app import create_app
from app.config import Settings
from app.web.security.origins import is_trusted

CHANGES = ("/api/predict", "/api/retrain", "/api/models/cat_dog/1/promote", "/login", "/logout")


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "null"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost:9"},
        {"Origin": ""},
    ],
)
def test_another_sites_page_may_look_but_change_nothing(client: FlaskClient, headers: dict[str, str]) -> None:
    for url in CHANGES:
        assert "may not make this call" in problem(client.post(url, headers=headers), 403)
    problem(client.delete("/api/jobs/x", headers=headers), 403)
    seen = client.get("/api/status", headers=headers)
    assert seen.status_code == 200
    assert "Access-Control-Allow-Origin" not in seen.headers
    assert seen.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert seen.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert seen.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://localhost"}, {}])
def test_its_own_page_may(client: FlaskClient, headers: dict[str, str]) -> None:
    assert client.post("/api/models/cat_dog/1/promote", headers=headers).status_code == 200


def test_a_page_that_hides_its_origin_would_hide_our_own(client: FlaskClient) -> None:
    assert client.get("/login").headers["Referrer-Policy"] == "same-origin"  # no-referrer makes it `Origin: null`


def test_a_name_that_is_not_the_services_reads_nothing(client: FlaskClient) -> None:
    for url in ("/", "/api/predictions", "/static/app.css", "/metrics"):
        answer = client.get(url, headers={"Host": "rebound.example:8000"})
        assert "TRUSTED_HOSTS" in problem(answer, 400)
    for url in ("/livez", "/readyz"):  # Kubernetes asks by the pod's address
        assert client.get(url, headers={"Host": "10.1.2.3:8000"}).status_code == 200


def test_a_request_of_http_1_1_names_a_host(client: FlaskClient) -> None:
    environ = {"HTTP_HOST": None, "SERVER_PROTOCOL": "HTTP/1.1"}
    assert "header Host" in problem(client.get("/livez", environ_overrides=environ), 400)
    assert client.get("/livez", environ_overrides=environ | {"SERVER_PROTOCOL": "HTTP/1.0"}).status_code == 200


ANY = "0.0.0.0"  # noqa: S104 - the setting that containers use


@pytest.mark.parametrize(
    ("setting", "listed", "yes", "no"),
    [
        ("127.0.0.1", "", ["localhost:8000", "127.0.0.1", "[::1]:8000", "LOCALHOST."],
         ["fovea.example", "10.1.2.3", "fovea", "", "localhost.evil.example", "127.0.0.1.evil.example", "[::1"]),
        (ANY, "", ["localhost", "10.1.2.3:8000", "[fd00::1]", "fovea", "web:8000"],
         ["fovea.example", "10.1.2.3.evil.example", "", "a b", "web/evil", "x@localhost"]),
        ("192.168.1.5", "fovea.example, .clinic.example", ["fovea.example:443", "a.clinic.example", "localhost"],
         ["192.168.1.5", "evil.example", "fovea.example.evil.example", "notclinic.example"]),
        (ANY, "*", ["fovea.example"], [""]),
    ],
)  # fmt: skip
def test_which_names_are_its_own(tmp_path: Path, setting: str, listed: str, yes: list[str], no: list[str]) -> None:
    settings = Settings.from_env({"HOST": setting, "TRUSTED_HOSTS": listed, "DATA_DIR": str(tmp_path)})
    assert [host for host in yes if not is_trusted(host, settings)] == []
    assert [host for host in no if is_trusted(host, settings)] == []


def test_the_default_classifier_is_a_setting(tmp_path: Path) -> None:
    app = create_app(Settings(data_dir=tmp_path, default_classifier="cataract"))
    described = app.test_client().get("/openapi.json").get_json()["paths"]["/api/predict"]["post"]["requestBody"]
    fields = described["content"]["multipart/form-data"]["schema"]["properties"]
    assert fields["classifier"]["default"] == "cataract"
