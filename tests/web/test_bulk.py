from __future__ import annotations

import io
import json
from collections import Counter

import pytest
from arro3.io import read_parquet
from conftest import ON_BOTH, work_through
from flask.testing import FlaskClient
from http_checks import CAT, form, problem
from sqlalchemy import delete

from app.services.bulk import results as module
from app.services.wiring import Services
from app.store.db import db
from app.store.tables import JobItem

BULK = "/api/bulk-predict"


def images(*names: str) -> list[tuple[str, str, bytes]]:
    return [("files", name, CAT if name.startswith("cat") else b"text") for name in names]


def submit(client: FlaskClient, *names: str, headers: dict[str, str] | None = None, **fields: str) -> str:
    answer = client.post(BULK, **form(images(*names), classifier="cat_dog", **fields), headers=headers)
    assert answer.status_code == 202, answer.get_data(as_text=True)
    job_id: str = answer.get_json()["job_id"]
    return job_id


def test_parts_of_a_job_come_one_after_the_other(client: FlaskClient, services: Services) -> None:
    job_id = submit(client, "cat1.jpg", more="true")
    assert client.get(f"/api/jobs/{job_id}").get_json()["progress"]["stage"] == "receiving"
    assert submit(client, "cat2.jpg", "bad.jpg", more="true", job_id=job_id) == job_id
    assert submit(client, job_id=job_id) == job_id
    work_through(services, job_id)
    rows = client.get(f"/api/jobs/{job_id}/results").get_json()
    assert [row["file"] for row in rows] == ["cat1.jpg", "cat2.jpg", "bad.jpg"]
    late = client.post(BULK, **form(images("cat3.jpg"), job_id=job_id))
    assert "takes no more images" in problem(late, 409)
    assert "in the form field 'files'" in problem(client.post(BULK, **form(more="true")), 400)


def test_a_call_that_is_repeated_with_its_key_makes_one_job(client: FlaskClient) -> None:
    key = {"Idempotency-Key": "3f1c"}
    job_id = submit(client, "cat1.jpg", headers=key)
    assert submit(client, "cat1.jpg", headers=key) == job_id
    other = client.post(BULK, **form(images("cat2.jpg"), classifier="cat_dog"), headers=key)
    assert "another request" in problem(other, 409)
    assert len(client.get("/api/jobs").get_json()) == 1


def test_what_was_pruned_is_not_counted(client: FlaskClient, services: Services) -> None:
    job_id = submit(client, "cat1.jpg", "cat2.jpg", "cat3.jpg")
    work_through(services, job_id)
    url = f"/api/jobs/{job_id}/results"
    first, *rest = client.get(url).get_json()
    db.session.execute(delete(JobItem).where(JobItem.prediction_id == first["id"]))  # as retention does
    db.session.commit()
    answer = client.get(url)
    assert (answer.get_json(), answer.headers["X-Total-Count"]) == (rest, "2")
    page = client.get(f"{url}?offset=1&limit=1")
    assert (page.get_json(), page.headers["X-Total-Count"]) == (rest[1:], "2")
    assert client.get(f"{url}?offset=2").get_json() == []


def test_results_come_in_every_format_and_in_pages_while_the_job_waits_and_after(
    client: FlaskClient, services: Services
) -> None:
    job_id = submit(client, "cat1.jpg", "bad.jpg", "cat2.jpg")
    url = f"/api/jobs/{job_id}/results"
    first, *_ = client.get(f"{url}?format=jsonl").get_data(as_text=True).splitlines()
    assert json.loads(first) == {"file": "cat1.jpg", "error": None}
    work_through(services, job_id)
    rows = client.get(url).get_json()
    page = client.get(f"{url}?offset=1&limit=1")
    assert (page.get_json(), page.headers["X-Total-Count"]) == ([rows[1]], "3")
    answer = client.get(f"/api/predictions/{rows[0]['id']}").get_json()
    assert {name: value for name, value in rows[0].items() if name not in ("file", "error")}.items() <= answer.items()
    parquet = client.get(f"{url}?format=parquet")
    assert parquet.headers["Content-Disposition"].endswith(f'{job_id}.parquet"')
    table = read_parquet(io.BytesIO(parquet.get_data())).read_all()
    assert [table["file"][row].as_py() for row in range(3)] == ["cat1.jpg", "bad.jpg", "cat2.jpg"]
    assert "limit: " in problem(client.get(f"{url}?limit=0"), 400)
    assert "format: " in problem(client.get(f"{url}?format=xls"), 400)


@ON_BOTH
def test_results_of_one_decision_or_class_are_counted_and_read_in_pages(
    client: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    names = [*(f"cat{n}.jpg" for n in range(5)), "bad1.jpg", "bad2.jpg"]
    job_id = submit(client, *names)
    url = f"/api/jobs/{job_id}/results"
    waiting = {row["decision"]: row["images"] for row in client.get(f"{url}/counts").get_json()}
    assert waiting == {"error": 2, "waiting": 5}  # what is no image is refused before it is stored
    work_through(services, job_id)
    rows = client.get(url).get_json()
    found = {(row["decision"], row["predicted_class"]): row["images"] for row in client.get(f"{url}/counts").get_json()}
    answered = [(row["decision"], row["predicted_class"]) for row in rows if row["error"] is None]
    assert found == {("error", None): 2} | dict(Counter(answered))
    decision, label = answered[0]
    for asked, fits in (
        (f"decision={decision}", lambda row: row.get("decision") == decision),
        (f"predicted_class={label}", lambda row: row.get("predicted_class") == label),
        ("decision=error", lambda row: row["error"] is not None),
        (f"decision=error&predicted_class={label}", lambda _: False),
    ):
        wanted = [row["file"] for row in rows if fits(row)]
        all_of_them = client.get(f"{url}?{asked}")
        assert [row["file"] for row in all_of_them.get_json()] == wanted
        assert all_of_them.headers["X-Total-Count"] == str(len(wanted))
        page = client.get(f"{url}?{asked}&offset=1&limit=3").get_json()
        assert [row["file"] for row in page] == wanted[1:4]
    table = client.get(f"{url}?decision=error&format=csv").get_data(as_text=True)
    assert [line.split(",")[0] for line in table.splitlines()] == ["file", "bad1.jpg", "bad2.jpg"]
    assert "There is no job" in problem(client.get("/api/jobs/x/results/counts"), 404)


def test_polling_costs_a_client_nothing_until_something_changes(client: FlaskClient, services: Services) -> None:
    job_id = submit(client, "cat1.jpg")
    for url in (f"/api/jobs/{job_id}", "/api/jobs"):
        seen = client.get(url)
        again = client.get(url, headers={"If-None-Match": seen.headers["ETag"]})
        assert (again.status_code, again.get_data()) == (304, b"")
        assert again.headers.get("Retry-After") == seen.headers.get("Retry-After")
    work_through(services, job_id)
    db.session.expire_all()
    after = client.get(url, headers={"If-None-Match": seen.headers["ETag"]})
    assert (after.status_code, after.get_json()[0]["status"]) == (200, "succeeded")


def test_a_job_tells_what_happened_to_it_and_when(client: FlaskClient, services: Services) -> None:
    job_id = submit(client, "cat1.jpg")
    client.delete(f"/api/jobs/{job_id}?keep=true")
    client.post(f"/api/jobs/{job_id}/retry")
    work_through(services, job_id)
    events = client.get(f"/api/jobs/{job_id}").get_json()["events"]
    assert [event["status"] for event in events] == ["queued", "queued", "cancelled", "queued", "running", "succeeded"]
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)
    assert events[2]["cause"] == "Cancelled by request."
