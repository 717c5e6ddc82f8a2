from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from http_checks import CAT, form

CONTRACT = {
    "/api/predict": "post", "/predict": "post", "/api/bulk-predict": "post", "/api/upload": "post",
    "/api/upload-data": "post", "/api/retrain": "post", "/api/jobs": "get", "/api/jobs/{job_id}": "get delete",
    "/api/jobs/{job_id}/retry": "post", "/api/jobs/{job_id}/results": "get", "/api/classifiers": "get post",
    "/api/classifiers/{classifier}": "patch delete",
    "/api/models": "get", "/api/models/{classifier}/{version}": "get", "/api/model-info": "get",
    "/api/models/{classifier}/{version}/promote": "post", "/api/models/{classifier}/rollback": "post",
    "/api/predictions": "get", "/api/predictions/{prediction_id}": "get",
    "/api/predictions/{prediction_id}/feedback": "post", "/api/datasets/{classifier}": "get",
    "/api/datasets/{classifier}/audit": "get", "/api/visualizations": "get", "/api/drift/{classifier}": "get",
    "/api/status": "get", "/api/statistics": "get", "/api/health": "get", "/livez": "get", "/readyz": "get",
    "/metrics": "get", "/api/datasets/{classifier}/images": "get patch delete",
    "/api/datasets/{classifier}/images/{sha256}": "get patch delete", "/api/datasets/{classifier}/undo": "post",
    "/api/datasets/{classifier}/changes": "get",
}  # fmt: skip


@pytest.fixture
def spec(client: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").get_json()
    return found


def operations(spec: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in spec["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def references(value: Any) -> Iterator[str]:  # noqa: ANN401 - any part of the description
    if isinstance(value, dict):
        yield from [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        for part in value.values():
            yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


def test_every_call_of_the_contract_is_described(spec: dict[str, Any]) -> None:
    assert spec["openapi"].startswith("3.")
    assert None not in spec["components"].values()
    for path, methods in CONTRACT.items():
        assert set(methods.split()) <= set(spec["paths"][path]), path


def test_every_route_of_the_interface_is_described(app: Flask, spec: dict[str, Any]) -> None:
    routes = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api")]
    for rule in routes:
        described = set(spec["paths"][re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)])
        assert {method.lower() for method in rule.methods or ()} - {"head", "options"} <= described


def test_the_description_is_whole(spec: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(spec)]
    assert len(set(names)) == len(names)
    for path, method, operation in operations(spec):
        assert operation["summary"], path
        assert any(status.startswith("2") for status in operation["responses"]), path
        named = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path)), path
        assert ("requestBody" in operation) <= (method != "get"), path
    for reference in references(spec):
        part: Any = spec
        for name in reference.removeprefix("#/").split("/"):
            part = part[name]


def test_what_is_sent_and_what_can_go_wrong_is_described(spec: dict[str, Any]) -> None:
    predict = spec["paths"]["/api/predict"]["post"]
    assert {"multipart/form-data", "image/jpeg", "image/png"} <= set(predict["requestBody"]["content"])
    fields = predict["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    assert set(fields) == {"file", "classifier", "version", "explain", "similar", "patient", "eye"}
    for status in ("400", "404", "413", "415", "503"):
        assert set(predict["responses"][status]["content"]) == {"application/problem+json"}
    retrain = spec["paths"]["/api/retrain"]["post"]["requestBody"]["content"]
    assert {"classifier", "backbone", "mode", "epochs", "promote"} <= set(
        retrain["application/json"]["schema"]["properties"]
    )


ON_REQUEST = {"explanation", "similar"}
REPEATED = {"cached"}  # only in an answer that comes from the log


def resolve(spec: dict[str, Any], path: str, method: str, status: int) -> dict[str, Any]:
    """Return the schema of an answer, its reference followed."""
    answer = spec["paths"][path][method]["responses"][str(status)]
    schema: dict[str, Any] = answer["content"]["application/json"]["schema"]
    if "$ref" in schema:
        schema = spec["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def test_answers_have_the_fields_that_are_described(client: FlaskClient, spec: dict[str, Any]) -> None:
    body = client.post("/api/predict?classifier=cat_dog&explain=1&similar=2", data=CAT).get_json()
    one = resolve(spec, "/api/predict", "post", 200)["oneOf"][0]["$ref"].rpartition("/")[2]
    described = spec["components"]["schemas"][one]
    assert set(body) == set(described["properties"]) - REPEATED
    assert set(described["required"]) == set(body) - ON_REQUEST
    client.post("/api/bulk-predict", **form([("files", "cat.jpg", CAT)]))
    for path, name in (("/api/jobs", "JobAnswer"), ("/api/predictions", "LoggedPrediction")):
        (row,) = client.get(path).get_json()
        assert resolve(spec, path, "get", 200)["items"]["$ref"].endswith(f"/{name}")
        properties = set(spec["components"]["schemas"][name]["properties"])
        assert set(row) == properties - ON_REQUEST - REPEATED


def test_the_page_of_the_documentation_needs_no_other_site(client: FlaskClient) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    html = page.get_data(as_text=True)
    for address in re.findall(r'(?:src|href)="([^"]+)"', html):
        assert not address.startswith(("http:", "https:", "//")), address
        if address.startswith("/docs/"):
            with client.get(address) as asset:
                assert asset.status_code == 200
    assert "swagger" in html.lower()
    assert client.get("/docs/assets/../../../config.py").status_code == 404
