from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image, ImageDraw

from app import create_app
from app.config import CHECKOUT, Settings
from app.errors import Conflict, FoveaError, InvalidInput, NotFound
from app.services.models.retrain import TrainingRequest
from app.services.setup import initialise
from app.services.wiring import Services
from app.training.progress import silent

SHAPES = {
    "name": "shapes",
    "title": "Shapes",
    "description": "Tells discs from squares.",
    "classes": [{"name": "disc", "title": "Disc"}, {"name": "square", "title": "Square"}],
    "preprocessing": {"crop": "stretch", "size": 64},
    "training": {"epochs": 3},
}


def shape(label: str, seed: int) -> bytes:
    """A white disc or square somewhere on grey noise, as a JPEG."""
    rng = np.random.default_rng(seed)
    image = Image.fromarray(rng.integers(60, 120, (72, 72, 3), np.uint8))
    x, y, half = rng.integers(25, 47), rng.integers(25, 47), rng.integers(12, 22)
    pen = ImageDraw.Draw(image)
    box = (int(x - half), int(y - half), int(x + half), int(y + half))
    (pen.ellipse if label == "disc" else pen.rectangle)(box, fill="white")
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


def as_zip(per_class: int) -> io.BytesIO:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(per_class):
            for label in ("disc", "square"):
                archive.writestr(f"{label}/{number}.jpg", shape(label, number))
    buffer.seek(0)
    return buffer


def test_a_new_classifier_is_one_yaml_file(tmp_path: Path) -> None:
    """From a file of the user's own to an answer: upload over HTTP, training by command, prediction over HTTP."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "shapes.yaml").write_text(yaml.safe_dump(SHAPES))
    settings = Settings(data_dir=tmp_path / "data", classifiers_dir=tmp_path / "own")
    app = create_app(settings)
    with app.app_context():
        initialise(app.extensions["fovea"])
    client = app.test_client()
    sent = client.post("/api/upload", data={"classifier": "shapes", "files": (as_zip(40), "shapes.zip")})
    assert (sent.status_code, sent.get_json()["accepted"]) == (201, 80)
    assert client.post("/api/predict?classifier=shapes", data=shape("disc", 1)).status_code == 404

    env = os.environ | {"DATA_DIR": str(settings.data_dir), "CLASSIFIERS_DIR": str(tmp_path / "own")}
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "train", "shapes"]
    trained = subprocess.run(command, cwd=CHECKOUT, env=env, capture_output=True, text=True, check=False)
    assert trained.returncode == 0, trained.stderr
    assert "Version 1 serves now." in trained.stdout

    answers = [client.post("/api/predict?classifier=shapes", data=shape("disc", 1000 + seed)) for seed in range(5)]
    body: dict[str, Any] = answers[0].get_json()
    assert (body["classifier"], body["model_version"], body["notice"]) == ("shapes", 1, None)
    assert set(body["probabilities"]) == {"disc", "square"}
    card = client.get("/api/models/shapes/1").get_json()
    assert card["preprocessing"] == {"crop": "stretch", "size": 64, "contrast": "none"}
    assert sum(sum(counts.values()) for counts in card["data"]["counts"].values()) == 80
    job = client.get("/api/jobs?kind=retrain").get_json()[0]
    assert (job["status"], job["result"]["promoted"], len(job["history"])) == ("succeeded", True, len(card["history"]))


@pytest.mark.parametrize(
    ("options", "kind", "sentence"),
    [
        ({"classifier": "cats"}, NotFound, "no classifier 'cats'"),
        ({"classifier": "glaucoma"}, InvalidInput, "at least 10 images of each class, but glaucoma has 0"),
        ({"epochs": 0}, InvalidInput, "epochs must be between 1 and 500"),
        ({"epochs": 501}, InvalidInput, "epochs must be between 1 and 500"),
        ({"backbone": "resnet"}, InvalidInput, "no backbone 'resnet'"),
        ({"backbone": "mobilenetv2"}, InvalidInput, "WEIGHTS_DIR"),
        ({"mode": "half"}, InvalidInput, "mode must be one of head, full"),
        ({"mode": "head"}, InvalidInput, "choose the mode 'full'"),
        ({"search": 5}, InvalidInput, "no pretrained weights to search among"),
        ({"search": 0}, InvalidInput, "must be more than 0"),
        ({"search": 5, "backbone": "mobilenetv2"}, InvalidInput, "A search chooses the backbone"),
        ({"promote": "maybe"}, InvalidInput, "promote must be one of auto, manual, never"),
    ],
)
def test_a_run_that_cannot_succeed_is_refused_at_once(
    services: Services, options: dict[str, Any], kind: type[FoveaError], sentence: str
) -> None:
    services.datasets.synth("cat_dog", 20, 1, silent)
    with pytest.raises(kind, match=sentence):
        services.retrain.submit(TrainingRequest(**{"classifier": "cat_dog"} | options))
    assert services.jobs.list() == []


def test_what_is_left_out_comes_from_the_classifiers_file(services: Services) -> None:
    services.datasets.synth("cat_dog", 20, 1, silent)
    job = services.retrain.submit(TrainingRequest("cat_dog", epochs=3), "k")
    assert services.retrain.submit(TrainingRequest("cat_dog", epochs=3), "k").id == job.id
    with pytest.raises(Conflict, match="another request"):
        services.retrain.submit(TrainingRequest("cat_dog", epochs=4), "k")
    spec = services.catalog["cat_dog"]
    assert (job.kind, job.status, job.params["epochs"]) == ("retrain", "queued", 3)
    assert (job.params["backbone"], job.params["promote"]) == (spec.training.backbone, spec.promotion.policy)
