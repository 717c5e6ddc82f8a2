"""Everything that can be read, read from gunicorn: what runs beside its loop has no request and no application."""

from __future__ import annotations

import io
import zipfile

import httpx
import pytest
from conftest import Stack
from http_checks import CAT

from app.drawing import draw

NAME = "cat_dog"
# Of the demonstration model, which no dataset is known of.
UNKNOWN = {
    "/api/datasets/{classifier}/versions/{version}", "/api/datasets/{classifier}/versions/{version}/compare/{other}",
}  # fmt: skip


@pytest.fixture(scope="module")
def found(stack: Stack) -> dict[str, str]:
    """What stands for each name in an address."""
    with httpx.Client(base_url=stack.url, timeout=60) as http:
        files = [("files", (f"{kind}.1.jpg", draw(f"{kind}_face", 77, 128).jpeg())) for kind in ("cat", "dog")]
        http.post("/api/upload", files=files, data={"classifier": NAME}).raise_for_status()
        asked = {"classifier": NAME, "similar": "1", "version": "1"}
        answer = http.post("/api/predict", files={"file": ("cat.jpg", CAT)}, data=asked).json()
        job = http.post("/api/bulk-predict", files=files, data={"classifier": NAME}).json()
        image = http.get(f"/api/datasets/{NAME}/images").json()["images"][0]
        tagged = http.patch(f"/api/datasets/{NAME}/images/{image['sha256']}", json={"tags": ["seen"]})
        tagged.raise_for_status()
        change = http.get(f"/api/datasets/{NAME}/changes").json()["changes"][0]
    return {
        "classifier": NAME, "version": "1", "job_id": job["job_id"], "prediction_id": answer["id"],
        "sha256": image["sha256"], "training_image": answer["similar"][0]["image"],
        "number": str(change["number"]), "other": "present",
    }  # fmt: skip


def test_every_address_that_the_documentation_names_can_be_read(stack: Stack, found: dict[str, str]) -> None:
    with httpx.Client(base_url=stack.url, timeout=60) as http:
        paths = [path for path, calls in http.get("/openapi.json").json()["paths"].items() if "get" in calls]
        assert set(paths) >= UNKNOWN
        for path in paths:
            url = found["training_image"] if "training-images" in path else path.format(**found)
            answer = http.get(url, params={"classifier": NAME} if path == "/api/model-info" else None)
            assert answer.status_code == (404 if path in UNKNOWN else 200), (url, answer.text)


def test_a_bundle_that_is_downloaded_is_whole(stack: Stack) -> None:
    answer = httpx.get(f"{stack.url}/api/models/{NAME}/1/bundle", timeout=60)
    assert answer.headers["Content-Disposition"] == f"attachment; filename=fovea-{NAME}-1.zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert {f"{NAME}-1/card.json", f"{NAME}-1/model.onnx", f"{NAME}-1/model.keras"} <= set(archive.namelist())
