"""Every call of the documentation, executed from its page as it stands."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest
from browser import SECONDS
from conftest import Stack
from playwright.sync_api import Locator, Page, expect
from scenery import pack

from app.drawing import draw

NAME = "cat_dog"
CAT = draw("cat_face", 1, 128).jpeg()
# What the state of this product makes of a call that is right in itself.
OTHERWISE = {
    "cancel_job": (409,), "retry_job": (409,), "rollback": (409,), "set_challenger": (409,), "retrain": (400,),
    "get_dataset_version": (404,), "compare_dataset_versions": (404,), "get_training_image": (404,),
    "get_model_answers": (400, 404), "remove_model": (409,), "withdraw_review": (200, 404),
    "accept_feedback": (409,),  # it was withdrawn a moment ago
}  # fmt: skip
# Calls of which the page cannot guess what is to be changed, created or removed: they say what is missing.
WANTING = {
    "change_images", "remove_images", "change_image", "create_classifier", "edit_classifier", "delete_classifier",
    "preview_classifier", "preview_upload", "undo_change",
}  # fmt: skip


@pytest.fixture
def values(stack: Stack) -> dict[str, str]:
    """What the calls are asked about: a prediction, an ended job, an image of a dataset."""
    with httpx.Client(base_url=stack.url, timeout=60) as http:
        form = {"classifier": NAME}
        asked = http.post("/api/predict", data=form, files={"file": ("cat.jpg", CAT)}).json()
        files = {"files": ("pets.zip", pack([("cat.1.jpg", CAT), ("dog.2.jpg", draw("dog_face", 2, 128).jpeg())]))}
        http.post("/api/upload", data=form, files=files).raise_for_status()
        url = http.post("/api/bulk-predict", data=form, files=files).json()["status_url"]
        while http.get(url).json()["status"] in ("queued", "running"):
            time.sleep(0.2)
        sha256 = http.get(f"/api/datasets/{NAME}/images").json()["images"][0]["sha256"]
        http.patch(f"/api/datasets/{NAME}/images/{sha256}", json={"tags": ["seen"]}).raise_for_status()
        number = http.get(f"/api/datasets/{NAME}/changes").json()["changes"][0]["number"]
        return {
            "classifier": NAME, "version": "1", "job_id": url.rpartition("/")[2], "prediction_id": asked["id"],
            "sha256": sha256, "label": "cat", "mode": "off", "number": str(number), "other": "present",
            "verdict": "right",
        }  # fmt: skip


def execute(block: Locator, values: dict[str, str], photograph: Path) -> tuple[int, str]:
    """Try one call with its defaults, the places of what it asks about filled in; return status and answer."""
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    for row in block.locator("tr[data-param-in=path], tr.parameters[data-property-name]").all():
        name = row.get_attribute("data-param-name") or ""
        if name in values:
            row.locator("input").fill(values[name])
    for field in block.locator("input[type=file]").all():
        field.set_input_files(photograph)
    for body in block.locator("textarea.body-param__text").all():
        if '"label"' in body.input_value():
            body.fill('{"label": "cat"}')
    block.get_by_role("button", name="Execute").click()
    status = block.locator(".live-responses-table tbody .response-col_status").first
    expect(status).to_be_visible(timeout=60 * SECONDS)
    found = int(status.inner_text().split()[0]), block.locator(".live-responses-table").inner_text()
    block.locator(".opblock-summary-control").click()  # the page gets slow with many open panels
    return found


@pytest.mark.timeout(600)
def test_every_call_can_be_executed_as_it_stands(page: Page, values: dict[str, str], tmp_path: Path) -> None:
    photograph = tmp_path / "normal.jpg"  # a class of the classifier that calls mean when they name none
    photograph.write_bytes(CAT)
    page.set_default_timeout(120 * SECONDS)  # forty panels, one after the other
    page.goto("/docs")
    expect(page.locator(".opblock").first).to_be_visible(timeout=60 * SECONDS)
    names = [each.get_attribute("id") or "" for each in page.locator(".opblock").all()]
    assert len(names) > 35
    wrong = {}
    for name in names:
        status, text = execute(page.locator(f"#{name}"), values, photograph)
        call = name.rpartition("-")[2]
        expected = (*OTHERWISE.get(call, ()), *((400, 404, 409) if call in WANTING else ()))
        if not (200 <= status < 300 or status in expected) or "null'" in text:
            wrong[name] = f"{status} {text.partition('detail')[2][:200]}"
    assert wrong == {}, "\n".join(map(str, wrong.items()))
