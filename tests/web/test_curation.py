"""Browsing and changing the images of a dataset over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from http_checks import problem

from app.services.datasets.curation.listing import Place, Wanted
from app.services.wiring import Services
from app.training.progress import silent

URL = "/api/datasets/cat_dog/images"


@pytest.fixture
def hashes(services: Services) -> list[str]:
    """The SHA-256 of six drawn images, a cat and a dog in turn."""
    services.datasets.synth("cat_dog", 6, 1, silent)
    return [image.sha256 for image in reversed(services.gallery.page("cat_dog", Wanted(), Place()).images)]


def get(client: FlaskClient, url: str) -> Any:  # noqa: ANN401 - JSON
    answer = client.get(url)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_json()


def test_an_image_is_changed_and_the_change_undone(client: FlaskClient, hashes: list[str]) -> None:
    one = f"{URL}/{hashes[0]}"
    changed = client.patch(one, json={"label": "Dog", "split": "test", "tags": ["Blurred"], "reason": "second look"})
    body = changed.get_json()
    assert (body["label"], body["split"], body["tags"], body["revision"]) == ("dog", "test", ["blurred"], 1)
    assert get(client, f"{URL}?tag=blurred")["images"][0]["sha256"] == hashes[0]
    assert client.patch(one, data={"label": "dog"}).get_json()["changed"] is False  # a form, and the same again
    assert client.post("/api/datasets/cat_dog/undo").get_json()["changed"] == [hashes[0]]
    image = next(each for each in get(client, URL)["images"] if each["sha256"] == hashes[0])
    assert (image["label"], image["split"], image["tags"], image["used_in_training"]) == ("cat", None, [], False)
    assert image["at"] == image["added_at"]
    assert client.get(image["thumbnail"]).mimetype == "image/jpeg"
    assert "no change" in problem(client.post("/api/datasets/cat_dog/undo"), 409)
    found = get(client, "/api/datasets/cat_dog/changes")["changes"]
    assert [(each["number"], each["action"], each["undoes"], each["undone_by"]) for each in found] == [
        (2, "undone", 1, None), (1, "changed", None, 2),
    ]  # fmt: skip
    details = get(client, "/api/datasets/cat_dog/changes/1")["details"]
    assert details[0]["before"]["label"] == "cat"
    assert details[0]["after"]["label"] == "dog"


def test_many_images_are_changed_at_once_or_none(client: FlaskClient, hashes: list[str]) -> None:
    done = client.patch(URL, json={"sha256": hashes[:3], "tags_added": ["a", "b"]}).get_json()
    assert (len(done["changed"]), done["action"], done["unchanged"]) == (3, "tagged", 0)
    removed = client.delete(URL, json={"sha256": hashes[:2], "reason": "blurred"}).get_json()
    assert (removed["action"], removed["changed"]) == ("removed", hashes[:2])
    assert get(client, URL)["total"] == 4
    again = client.delete(f"{URL}?sha256={hashes[0]},{hashes[2]}").get_json()
    assert (again["changed"], again["unchanged"]) == ([hashes[2]], 1)
    assert client.delete(f"{URL}/{hashes[3]}").get_json()["revision"] == 4
    problem(client.patch(URL, json={"sha256": [hashes[4], "f" * 64], "label": "dog"}), 404)
    problem(client.patch(f"{URL}/{hashes[0]}", json={"label": "dog"}), 404)
    assert client.get(f"{URL}/{hashes[0]}").status_code == 200  # the picture of a removed image
    refused: tuple[dict[str, object], ...] = (
        {}, {"sha256": []}, {"sha256": hashes}, {"sha256": hashes, "label": "horse"},
        {"sha256": ["0" * 64] * 1001, "label": "dog"}, {"sha256": hashes, "split": "dev"},
        {"sha256": hashes, "tags": "a,?"}, {"sha256": [1], "label": "dog"},
    )  # fmt: skip
    for wrong in refused:
        assert client.patch(URL, json=wrong).status_code in (400, 404, 413), wrong
    assert [each["label"] for each in get(client, URL)["images"]] == ["dog", "cat"]


def test_a_list_goes_on_behind_its_cursor(client: FlaskClient, services: Services, hashes: list[str]) -> None:
    first = get(client, f"{URL}?limit=4&label=cat&sort=oldest")
    assert (first["total"], first["next_cursor"]) == (3, None)
    page = get(client, f"{URL}?limit=4")
    services.datasets.synth("cat_dog", 3, 2, silent)
    rest = get(client, f"{URL}?limit=4&cursor={page['next_cursor']}")
    assert (rest["total"], rest["next_cursor"]) == (None, None)
    assert [each["sha256"] for each in page["images"] + rest["images"]] == hashes[::-1]
    of_another_order = f"sort=name&cursor={page['next_cursor']}"
    for wrong in ("limit=0", "limit=201", "sort=size", "split=dev", "cursor=x", of_another_order):
        problem(client.get(f"{URL}?{wrong}"), 400)


def test_versions_are_compared(client: FlaskClient, services: Services, hashes: list[str]) -> None:
    version = services.versions.freeze("cat_dog", silent).version
    client.patch(f"{URL}/{hashes[0]}", json={"label": "dog"})
    found = get(client, f"/api/datasets/cat_dog/versions/{version}/compare/present")
    assert found["counts"] == {"added": 0, "removed": 0, "relabelled": 1, "moved": 0, "unchanged": 5}
    assert found["relabelled"] == [{"sha256": hashes[0], "before": "cat", "after": "dog"}]
    problem(client.get(f"/api/datasets/cat_dog/versions/{version}/compare/none"), 404)
