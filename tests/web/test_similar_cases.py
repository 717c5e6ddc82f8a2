from __future__ import annotations

import hashlib
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from http_checks import form
from PIL import Image

from app.classifiers.card import CARD_NAME
from app.classifiers.spec import Preprocessing
from app.drawing import draw
from app.factory import EXTENSION
from app.inference.engine import OnnxEngine
from app.inference.image.preprocess import preprocess
from app.inference.similar import SIMILAR_NAME, Similar

GONE = "f" * 64
SEEDS = range(6)


@pytest.fixture
def version(app: Flask) -> int:
    """A version of glaucoma whose training images are half drawn, but for one stored and one gone."""
    registry, files = app.extensions[EXTENSION].registry, app.extensions[EXTENSION].files
    folder = registry.root / "glaucoma" / "2"
    shutil.copytree(registry.folder("glaucoma", 1), folder)
    subjects = ["fundus_glaucoma" if seed % 2 else "fundus_normal" for seed in SEEDS]
    drawings = [draw(subject, seed) for subject, seed in zip(subjects, SEEDS, strict=True)]
    hashes = [hashlib.sha256(each.jpeg()).hexdigest() for each in drawings]
    names = [f"drawn-{subject}-{seed}.jpg" for subject, seed in zip(subjects, SEEDS, strict=True)]
    names[0] = files.put(drawings[0].jpeg())
    hashes[1] = names[1] = GONE
    card = json.loads((folder / CARD_NAME).read_text())
    spec = Preprocessing.model_validate(card["preprocessing"])
    squares = np.stack([preprocess(each.image, spec) for each in drawings])
    embeddings = OnnxEngine(folder / OnnxEngine.file_name).run(squares).embedding
    Similar.fit(embeddings, [each.removeprefix("fundus_") for each in subjects], hashes, names).save(
        folder / SIMILAR_NAME
    )
    _seal(folder, card)
    return 2


def _seal(folder: Path, card: dict[str, dict[str, str]]) -> None:
    card["files"][SIMILAR_NAME] = hashlib.sha256((folder / SIMILAR_NAME).read_bytes()).hexdigest()
    (folder / CARD_NAME).write_text(json.dumps(card))


def test_the_nearest_training_images_come_with_their_labels_and_pictures(client: FlaskClient, version: int) -> None:
    data = draw("fundus_glaucoma", 3).jpeg()
    answer = client.post(
        "/api/predict", **form([("file", "eye.jpg", data)], classifier="glaucoma", version=str(version), similar="5")
    ).get_json()
    cases = answer["similar"]
    assert len(cases) == 5
    assert (cases[0]["label"], cases[0]["sha256"]) == ("glaucoma", hashlib.sha256(data).hexdigest())
    assert [each["distance"] for each in cases] == sorted(each["distance"] for each in cases)
    assert cases[0]["distance"] < 0.05
    picture = client.get(cases[0]["image"])
    assert picture.mimetype == "image/jpeg"
    with Image.open(io.BytesIO(picture.data)) as found, Image.open(io.BytesIO(data)) as sent:
        assert np.abs(np.asarray(found).astype(int) - np.asarray(sent)).mean() < 4
    assert "similar" not in client.get(f"/api/predictions/{answer['id']}").get_json()


def test_a_stored_image_is_shown_and_one_that_is_gone_is_refused_in_a_sentence(
    client: FlaskClient, version: int
) -> None:
    data = draw("fundus_normal", 0).jpeg()
    answer = client.post(f"/api/predict?classifier=glaucoma&version={version}&similar=20", data=data).get_json()
    assert len(answer["similar"]) == len(SEEDS)
    states = {each["sha256"]: client.get(each["image"]) for each in answer["similar"]}
    assert states[hashlib.sha256(data).hexdigest()].status_code == 200
    assert states[GONE].status_code == 404
    assert "no longer on this machine" in states[GONE].get_json()["detail"]
    unknown = client.get(f"/api/models/glaucoma/{version}/training-images/{'0' * 64}")
    assert unknown.status_code == 404
    assert "keeps no training image" in unknown.get_json()["detail"]


def test_a_version_that_keeps_none_says_so_and_answers_all_the_same(
    client: FlaskClient, app: Flask, version: int
) -> None:
    folder = app.extensions[EXTENSION].registry.folder("glaucoma", version)
    card = json.loads((folder / CARD_NAME).read_text())
    del card["files"][SIMILAR_NAME]
    (folder / CARD_NAME).write_text(json.dumps(card))
    data = draw("fundus_normal", 9).jpeg()
    answer = client.post(f"/api/predict?classifier=glaucoma&version={version}&similar=3", data=data)
    assert answer.status_code == 200
    assert answer.get_json()["similar"] is None
    assert client.get(f"/api/models/glaucoma/{version}/training-images/{GONE}").status_code == 404


@pytest.mark.parametrize("count", ["21", "-1", "many"])
def test_a_wrong_number_is_refused(client: FlaskClient, count: str) -> None:
    answer = client.post(f"/api/predict?classifier=glaucoma&similar={count}", data=draw("fundus_normal", 0).jpeg())
    assert answer.status_code == 400
    assert "similar" in answer.get_data(as_text=True)
