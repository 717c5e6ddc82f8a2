from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient
from http_checks import CAT, form, huge_png, kept, pack, problem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.routing import BuildError

from app.config import Settings

JSON = "application/json"
SLIP = pack({"cat.1.jpg": CAT, "../../evil.jpg": CAT})
SEVENTEEN_MB = CAT + bytes(17_000_000 - len(CAT))
GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"
PLAIN = b'--b\r\nContent-Disposition: form-data; name="file"HEAD\r\n\r\nBODY\r\n--b--\r\n'
Call = tuple[str, dict[str, Any], int, str]


def predict(files: list[tuple[str, str, bytes]], status: int, sentence: str, **fields: str) -> Call:
    return ("/api/predict", form(files, **fields), status, sentence)


def cat(**fields: str) -> dict[str, Any]:
    return form([("file", "cat.jpg", CAT)], **fields)


PREDICT: dict[str, Call] = {
    "no body": ("/api/predict", {}, 400, "send one as the form field 'file'"),
    "no file": predict([], 400, "No image was sent"),
    "json": ("/api/predict", {"json": {"file": "cat.jpg"}}, 400, "No image was sent"),
    "two files": predict([("file", "a.jpg", CAT), ("file", "b.jpg", CAT)], 400, "send them to /api/bulk-predict"),
    "two fields": predict([("file", "a.jpg", CAT), ("other", "b.jpg", CAT)], 400, "send them to /api/bulk-predict"),
    "another field": predict([("image", "a.jpg", CAT)], 400, "must be in the form field 'file'"),
    "empty": predict([("file", "a.jpg", b"")], 400, "empty"),
    "no boundary": ("/api/predict", {"data": b"x", "content_type": "multipart/form-data"}, 400, "no boundary"),
    "text": predict([("file", "a.jpg", b"I am text, but call me .jpg")], 415, "send a JPEG, PNG, BMP, TIFF or WebP"),
    "gif": predict([("file", "a.gif", GIF)], 415, "send a JPEG, PNG, BMP, TIFF or WebP"),
    "truncated": predict([("file", "a.jpg", CAT[: len(CAT) // 2])], 400, "cut short; send it again"),
    "only a head": predict([("file", "a.jpg", CAT[:3])], 400, "damaged"),
    "50,000 pixels": predict([("file", "a.png", huge_png())], 413, "50000 x 50000 pixels; send one of at most"),
    "17 MB raw": ("/api/predict", {"data": SEVENTEEN_MB, "content_type": "image/jpeg"}, 413, "limit of 16 MB"),
    "17 MB form": predict([("file", "a.jpg", SEVENTEEN_MB)], 413, "limit of 16 MB"),
    "long fields": predict([("file", "a.jpg", CAT)], 413, "over the limit of 100 kB", label="x" * 150_000),
    "classifier": ("/api/predict", cat(classifier="cats"), 404, "choose one of: "),
    "classifier path": ("/api/predict", cat(classifier="../cat_dog"), 404, "choose one of: "),
    "version": ("/api/predict", cat(classifier="cat_dog", version="99"), 404, "no model version 99"),
    "version text": ("/api/predict", cat(version="latest"), 400, "must be a number, 'champion' or 'challenger'"),
    "challenger": ("/api/predict", cat(version="challenger"), 400, "has no challenger now"),
    "explain": ("/api/predict", cat(explain="perhaps"), 400, "explain: must be true or false, not 'perhaps'."),
    "similar": ("/api/predict", cat(similar="many"), 400, "similar: must be a whole number, not 'many'."),
    "similar many": ("/api/predict", cat(similar="999"), 400, "similar: must be at most 20, not '999'."),
    "form without a file": ("/api/predict", {"data": {"classifier": "cat_dog"}}, 400, "No image was sent"),
    "long name": predict([("file", "x" * 5000 + ".jpg", CAT)], 413, "4000 bytes for the name of a file"),
    "file without a name": (
        "/api/predict",
        {"data": PLAIN.replace(b"HEAD", b"").replace(b"BODY", CAT), "content_type": "multipart/form-data; boundary=b"},
        400,
        "send a file with its name",
    ),
    "unknown charset": (
        "/api/predict",
        {
            "data": PLAIN.replace(b"HEAD", b"\r\nContent-Type: text/plain; charset=no").replace(b"BODY", b"x"),
            "content_type": "multipart/form-data; boundary=b",
        },
        400,
        "send a file with its name",
    ),
}
FILES: dict[str, Call] = {
    "bulk nothing": ("/api/bulk-predict", form(), 400, "send one or more in the form field 'files'"),
    "bulk empty": ("/api/bulk-predict", form([("files", "a.jpg", b"")]), 400, "a.jpg: empty file"),
    "bulk slip": ("/api/bulk-predict", form([("files", "a.zip", SLIP)]), 400, "leads out of it"),
    "bulk good and slip": (
        "/api/bulk-predict", form([("files", "a.jpg", CAT), ("files", "a.zip", SLIP)]), 400, "leads out of it",
    ),
    "bulk damaged": ("/api/bulk-predict", form([("files", "a.zip", SLIP[:-30])]), 400, "make it again"),
    "bulk classifier": ("/api/bulk-predict", form([("files", "a.jpg", CAT)], classifier="cats"), 404, "choose one of"),
    "upload empty archive": ("/api/upload", form([("files", "a.zip", pack({}))]), 400, "The archive holds no image"),
    "upload litter": ("/api/upload", form([("files", "a.zip", pack({"__MACOSX/x": b"x"}))]), 400, "holds no image"),
    "upload many": (
        "/api/upload", form([("files", "a.jpg", b"")] * 10_101), 413, "10100 parts",
    ),
    "upload nothing": ("/api/upload", form(classifier="cat_dog"), 400, "send one or more in the form field 'files'"),
    "upload text": (
        "/api/upload", form([("files", "cat.jpg", b"text")], classifier="cat_dog"), 400, "could be used. cat.jpg: "
    ),
    "upload truncated": (
        "/api/upload", form([("files", "cat.jpg", CAT[:900])], classifier="cat_dog"), 400, "cut short",
    ),
    "upload 50,000 pixels": (
        "/api/upload", form([("files", "cat.png", huge_png())], classifier="cat_dog"), 400, "50000 x 50000",
    ),
    "upload 17 MB": (
        "/api/upload", form([("files", "cat.jpg", SEVENTEEN_MB)], classifier="cat_dog"), 400, "larger than 16 MB",
    ),
    "upload slip": ("/api/upload", form([("files", "a.zip", SLIP)], classifier="cat_dog"), 400, "leads out of it"),
    "upload good and slip": (
        "/api/upload", form([("files", "cat.jpg", CAT), ("files", "a.zip", SLIP)], classifier="cat_dog"), 400,
        "nothing was stored",
    ),
    "upload no label": ("/api/upload", form([("files", "x.jpg", CAT)], classifier="cat_dog"), 400, "no label"),
    "upload label": (
        "/api/upload", form([("files", "x.jpg", CAT)], classifier="cat_dog", label="bird"), 400, "one of: cat, dog"
    ),
    "upload split": (
        "/api/upload-data", form([("files", "cat.jpg", CAT)], classifier="cat_dog", split="later"), 400, "train, val"
    ),
    "upload classifier": ("/api/upload", form([("files", "cat.jpg", CAT)], classifier="cats"), 404, "choose one of"),
}  # fmt: skip
OTHERS: dict[str, Call] = {
    "retrain classifier": ("/api/retrain", {"json": {"classifier": "cats"}}, 404, "choose one of"),
    "retrain images": ("/api/retrain", {"json": {"classifier": "cat_dog"}}, 400, "add some with /api/upload"),
    "retrain epochs": ("/api/retrain", {"json": {"epochs": "many"}}, 400, "epochs: "),
    "retrain many": ("/api/retrain", {"data": {"epochs": "100000"}}, 400, "between 1 and 500"),
    "retrain backbone": ("/api/retrain", {"json": {"backbone": "resnet"}}, 400, "choose one of"),
    "retrain list": ("/api/retrain", {"json": ["cat_dog"]}, 400, "not a JSON object"),
    "retrain no json": ("/api/retrain", {"data": b"{", "content_type": JSON}, 400, "not a JSON object"),
    "retrain deep json": ("/api/retrain", {"data": b"[" * 99_999, "content_type": JSON}, 400, "not a JSON object"),
    "retrain large json": ("/api/retrain", {"json": {"mode": "x" * 200_000}}, 413, "limit of 100 kB"),
    "retrain large form": ("/api/retrain", {"data": {"mode": "x" * 200_000}}, 413, "limit of 100 kB"),
    "retrain many fields": ("/api/retrain", {"data": {f"field{n}": "" for n in range(101)}}, 413, "100 fields"),
    "retrain NUL": ("/api/retrain", {"json": {"mode": "head\0"}}, 400, "NUL character"),
    "retry NUL": ("/api/jobs/%00/retry", {}, 400, "NUL character"),
    "retrain json as a form": ("/api/retrain", {"data": {'{"classifier": "cats"}': ""}}, 400, "Content-Type: app"),
    "retrain json as text": ("/api/retrain", {"data": "{}", "content_type": "text/plain"}, 400, "Content-Type: app"),
    "retry": ("/api/jobs/x/retry", {}, 404, "no job 'x'"),
    "promote version": ("/api/models/cat_dog/99/promote", {}, 404, "no model version 99"),
    "promote zero": ("/api/models/cat_dog/0/promote", {}, 400, "version: "),
    "promote classifier": ("/api/models/cats/1/promote", {}, 404, "choose one of"),
    "rollback": ("/api/models/cat_dog/rollback", {}, 409, "no promotion left to undo"),
    "rollback classifier": ("/api/models/cats/rollback", {}, 404, "choose one of"),
    "feedback": ("/api/predictions/x/feedback", {"json": {"label": "cat"}}, 404, "no prediction 'x'"),
    "feedback label": ("/api/predictions/x/feedback", {}, 400, "label: "),
}
GETS = {
    "/api/jobs/x": (404, "no job 'x'"),
    "/api/jobs/x/results": (404, "no job 'x'"),
    "/api/jobs?status=lost": (400, "status: "),
    "/api/jobs?limit=0": (400, "limit: "),
    "/api/models?classifier=cats": (404, "choose one of"),
    "/api/models/cat_dog/99": (404, "no model version 99"),
    "/api/models/cats/1": (404, "choose one of"),
    "/api/model-info?classifier=cats": (404, "choose one of"),
    "/api/predictions/x": (404, "no prediction 'x'"),
    "/api/predictions/x/image": (404, "no prediction 'x'"),
    "/api/predictions?classifier=cats": (404, "choose one of"),
    "/api/predictions?before=yesterday": (400, "before: "),
    "/api/predictions?before=0001-01-01T00:00:00%2B14:00": (400, "before: "),
    "/api/datasets/cats": (404, "choose one of"),
    "/api/datasets/cats/audit": (404, "choose one of"),
    "/api/visualizations?classifier=cats": (404, "choose one of"),
    "/api/statistics?classifier=cats": (404, "choose one of"),
    "/api/drift/cats": (404, "choose one of"),
    "/api/nothing": (404, "nothing at /api/nothing"),
    "/nothing": (404, "nothing at /nothing"),
}


@pytest.mark.parametrize("case", [*PREDICT, *FILES, *OTHERS])
def test_a_bad_call_is_told_what_to_do_and_leaves_nothing_behind(
    client: FlaskClient, settings: Settings, case: str
) -> None:
    url, arguments, status, sentence = (PREDICT | FILES | OTHERS)[case]
    before = kept(settings)
    assert sentence in problem(client.post(url, **arguments), status)
    assert kept(settings) == before


@pytest.mark.parametrize("url", GETS)
def test_a_bad_question_is_told_what_to_do(client: FlaskClient, url: str) -> None:
    status, sentence = GETS[url]
    assert sentence in problem(client.get(url), status)


LEFT_OUT = ("", "null")


@pytest.mark.parametrize("nothing", LEFT_OUT)
def test_an_optional_field_that_is_empty_or_null_counts_as_left_out(client: FlaskClient, nothing: str) -> None:
    names = ("classifier", "version", "explain", "similar")
    fields = dict.fromkeys(names, nothing)
    assert client.post("/api/predict", **cat(**fields)).get_json()["classifier"] == "eye_diseases"
    asked = client.post("/api/predict", query_string=fields, data=CAT)
    assert asked.get_json()["classifier"] == "eye_diseases"
    assert client.get("/api/jobs", query_string=dict.fromkeys(("status", "kind", "limit"), nothing)).get_json() == []
    moved = client.post("/api/models/cat_dog/1/promote", json={"reason": None if nothing else ""})
    assert moved.status_code == 200
    fields = dict.fromkeys(("job_id", "more", "label", "split"), nothing) | {"classifier": "cat_dog"}
    for url, status in (("/api/bulk-predict", 202), ("/api/upload", 201)):
        assert client.post(url, **form([("files", "cat.jpg", CAT)], **fields)).status_code == status


def test_a_refused_name_that_holds_a_nul_can_be_sent_twice(client: FlaskClient) -> None:
    damaged = form([("files", "cat\0.jpg", b"text"), ("files", "cat.1.jpg", CAT)], classifier="cat_dog")
    for _ in range(2):
        answer = client.post("/api/upload", **damaged)
        assert answer.status_code == 201, answer.get_data(as_text=True)
        assert len(answer.get_json()["rejected"]) == 1


def test_a_job_that_there_is_not_cannot_be_cancelled(client: FlaskClient) -> None:
    assert "no job 'x'" in problem(client.delete("/api/jobs/x"), 404)


def test_a_label_that_is_no_class_is_refused_as_correction(client: FlaskClient) -> None:
    prediction = client.post("/api/predict?classifier=cat_dog", data=CAT).get_json()["id"]
    answer = client.post(f"/api/predictions/{prediction}/feedback", json={"label": "bird"})
    assert "choose one of: cat, dog" in problem(answer, 400)


@pytest.mark.parametrize(
    ("method", "url", "allowed"), [("GET", "/api/bulk-predict", "POST"), ("DELETE", "/api/status", "GET")]
)
def test_the_wrong_method_is_told_the_right_one(client: FlaskClient, method: str, url: str, allowed: str) -> None:
    answer = client.open(url, method=method)
    problem(answer, 405)
    assert allowed in answer.headers["Allow"]


def test_a_person_gets_a_page_and_a_program_a_problem(client: FlaskClient) -> None:
    page = client.get("/nothing", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "nothing at /nothing" in page.get_data(as_text=True)
    problem(client.get("/api/nothing", headers={"Accept": "text/html"}), 404)


SIGNATURES = st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\0", b"MM\0*", CAT[:500]])
WORDS = st.one_of(st.sampled_from(["cat_dog", "1", "-1", "champion", "", "\0", "9" * 30, "../..", "é\n"]), st.text())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(head=SIGNATURES, rest=st.binary(max_size=200))
def test_no_bytes_break_a_prediction(client: FlaskClient, head: bytes, rest: bytes) -> None:
    answer = client.post("/api/predict", data=head + rest, content_type="application/octet-stream")
    problem(answer, answer.status_code)
    assert answer.status_code in (400, 413, 415)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(data=st.data(), url=st.sampled_from(["/api/predict", "/api/upload", "/api/bulk-predict"]))
def test_no_damaged_form_breaks_a_call(client: FlaskClient, data: st.DataObject, url: str) -> None:
    whole = form([("file", "cat.gif", GIF), ("files", "cat.zip", b"")], classifier="cat_dog")
    body = bytearray(whole["data"])
    for place in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=4)):
        body[place] = data.draw(st.sampled_from([0, 10, 13, 34, 45, 59, 255]))
    cut = data.draw(st.integers(0, len(body)))
    answer = client.post(url, data=bytes(body[:cut]), content_type=whole["content_type"])
    damaged = bytes(body) != whole["data"]
    if damaged and url == "/api/bulk-predict" and answer.status_code == 202:
        return  # the archive's damaged name makes it a file among others, which the job judges one by one
    problem(answer, answer.status_code)
    assert 400 <= answer.status_code < 500


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=120)
@given(data=st.data())
def test_no_words_break_a_call(app: Flask, client: FlaskClient, data: st.DataObject) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api")]
    rule = data.draw(st.sampled_from(sorted(rules, key=str)))
    method = data.draw(st.sampled_from(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})))
    names = ("classifier", "version", "label", "split", "epochs", "before", "limit", "status", "format", "reason")
    fields = {name: data.draw(WORDS) for name in data.draw(st.sets(st.sampled_from(names), max_size=4))}
    values: dict[str, Any] = {name: data.draw(WORDS) for name in rule.arguments}
    with app.test_request_context():
        try:
            url = url_for(rule.endpoint, **values)
        except (BuildError, ValueError):  # what stands for a number is none
            url = rule.rule
    as_json = method != "GET" and data.draw(st.booleans())
    sent = {"data": json.dumps(fields), "content_type": JSON} if as_json else {"query_string": fields}
    answer = client.open(url, method=method, **sent)
    assert answer.status_code < 500, answer.get_data(as_text=True)
