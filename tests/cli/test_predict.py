from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image

from app.drawing import draw
from app.services.wiring import Services
from app.store.db import db
from app.store.tables import Prediction


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Four images on two levels, two of which cannot be answered, and what is no image."""
    folder = tmp_path / "pets"
    (folder / "old").mkdir(parents=True)
    (folder / "cat.jpg").write_bytes(draw("cat_face", 1, 96).jpeg())
    (folder / "old" / "dog.JPG").write_bytes(draw("dog_face", 1, 96).jpeg())
    (folder / "old" / "text.png").write_bytes(b"text")
    (folder / "old" / "gone.jpg").symlink_to(folder / "nowhere")
    (folder / "old" / ".hidden.jpg").write_bytes(b"litter")
    (folder / "notes.txt").write_bytes(b"notes")
    return folder


def run(app: Flask, *words: str | Path) -> tuple[int, list[str], str]:
    result = app.test_cli_runner().invoke(args=["predict", "cat_dog", *map(str, words)])
    return result.exit_code, result.stdout.splitlines(), result.stderr


def test_a_folder_is_answered_as_a_table_with_a_row_for_what_cannot_be(app: Flask, pets: Path) -> None:
    status, lines, aside = run(app, pets)
    assert status == 0
    assert lines[0].split() == ["file", "class", "confidence", "decision"]
    assert [Path(line.split()[0]).name for line in lines[1:]] == ["cat.jpg", "dog.JPG", "text.png"]
    assert "This is not an image that Fovea reads" in lines[3]
    assert "Demonstration model" in aside
    logged = db.session.scalars(db.select(Prediction.filename)).all()
    assert sorted(map(str, logged)) == [str(pets / name)[1:] for name in ("cat.jpg", "old/dog.JPG")]


def test_a_folder_is_answered_in_natural_order_without_system_files(app: Flask, tmp_path: Path) -> None:
    for name in ("p10/left.jpg", "p2/left.jpg", "p2/._left.jpg", "__MACOSX/p2/left.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(draw("cat_face", len(name), 96).jpeg())
    _, lines, _ = run(app, tmp_path)
    assert [Path(line.split()[0]).parent.name for line in lines[1:]] == ["p2", "p10"]


def test_patterns_folders_and_missing_files_can_be_mixed(app: Flask, pets: Path) -> None:
    status, lines, _ = run(app, f"{pets}/**/*.JPG", pets / "cat.jpg", pets / "none.jpg", pets / "old" / "gone.jpg")
    assert status == 0
    assert [Path(line.split()[0]).name for line in lines[1:]] == ["dog.JPG", "cat.jpg", "none.jpg", "gone.jpg"]
    assert "It cannot be read: No such file or directory." in lines[3]


def test_several_classifiers_have_a_row_each(app: Flask, pets: Path, tmp_path: Path) -> None:
    heat, table = tmp_path / "heat", tmp_path / "found.csv"
    words = ["predict", "cat_dog,glaucoma", str(pets / "cat.jpg"), str(pets / "old" / "text.png")]
    result = app.test_cli_runner().invoke(args=[*words, "--explain", str(heat)])
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["file", "classifier", "class", "confidence", "decision"]
    assert [line.split()[1] for line in lines[1:3]] == ["cat_dog", "glaucoma"]
    assert "This is not an image that Fovea reads" in lines[3]
    assert sorted(path.name for path in heat.iterdir()) == ["000001-cat.jpg-cat_dog.png", "000001-cat.jpg-glaucoma.png"]
    assert "Not a medical device" in result.stderr
    result = app.test_cli_runner().invoke(args=[*words, "--output", str(table)])
    assert "1 of 2 answered" in result.stderr
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [row["classifier"] for row in rows] == ["cat_dog", "glaucoma", ""]
    assert rows[0]["probability_cat"]
    assert not rows[0]["probability_glaucoma"]
    refused = app.test_cli_runner().invoke(args=[*words, "--version", "1"])
    assert refused.exit_code == 1
    assert "belongs to one classifier" in refused.stderr


def test_the_answers_are_the_same_in_every_form(app: Flask, pets: Path, tmp_path: Path) -> None:
    for suffix in ("csv", "json", "jsonl"):
        status, lines, aside = run(app, pets, "--output", tmp_path / f"found.{suffix}")
        assert (status, lines) == (0, [])
        assert "2 of 3 answered" in aside
    table = list(csv.DictReader((tmp_path / "found.csv").read_text().splitlines()))
    array = json.loads((tmp_path / "found.json").read_text())
    objects = [json.loads(line) for line in (tmp_path / "found.jsonl").read_text().splitlines()]
    assert [row["file"] for row in table] == [row["file"] for row in array] == [row["file"] for row in objects]
    assert [row["predicted_class"] for row in table[:2]] == [row["predicted_class"] for row in objects[:2]]
    assert float(table[0]["probability_cat"]) == pytest.approx(array[0]["probabilities"]["cat"])
    assert [row["error"] is None for row in array] == [True, True, False]
    status, _, aside = run(app, pets, "--output", tmp_path / "found.xlsx")
    assert (status, ".json, .jsonl, .csv, .parquet" in aside) == (2, True)


def test_heat_maps_are_saved_beside_one_another(app: Flask, pets: Path, tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    assert run(app, pets, pets / "cat.jpg", "--explain", maps)[0] == 0
    names = sorted(path.name for path in maps.iterdir())
    assert names == [
        "000001-cat.jpg.png",
        "000002-dog.JPG.png",
        "000004-cat.jpg.png",
    ]
    with Image.open(maps / "000001-cat.jpg.png") as picture:
        assert picture.format == "PNG"


def test_similar_cases_are_named_in_every_form(app: Flask, pets: Path, tmp_path: Path) -> None:
    cat = pets / "cat.jpg"
    status, lines, _ = run(app, cat, "--similar", "3")
    assert (status, len(lines)) == (0, 3)
    shown = lines[2].removeprefix("  similar: ").split("; ")
    assert [each.split()[0] for each in shown] == ["cat"] * 3
    distances = [float(each.split()[1]) for each in shown]
    assert distances == sorted(distances)
    for suffix in ("csv", "jsonl", "parquet"):
        assert run(app, pets, "--similar", "3", "--output", tmp_path / f"found.{suffix}")[0] == 0
    table = list(csv.DictReader((tmp_path / "found.csv").read_text().splitlines()))
    assert table[0]["similar"].split("; ") == shown
    assert table[2]["similar"] == ""
    cases = json.loads((tmp_path / "found.jsonl").read_text().splitlines()[0])["similar"]
    assert [each["label"] for each in cases] == ["cat"] * 3
    assert run(app, cat, "--output", tmp_path / "plain.csv")[0] == 0
    assert "similar" not in (tmp_path / "plain.csv").read_text().splitlines()[0]
    status, _, aside = run(app, cat, "--similar", "21")
    assert (status, "0<=x<=20" in aside) == (2, True)


def test_only_where_nothing_is_answered_the_command_fails(app: Flask, pets: Path) -> None:
    assert run(app, pets / "old" / "text.png")[0] == 1
    assert run(app, pets / "old" / "text.png", pets / "cat.jpg")[0] == 0
    (pets / "empty").mkdir()
    status, _, aside = run(app, pets / "empty")
    assert (status, "There is no image" in aside) == (1, True)
    status, _, aside = run(app, pets, "--version", "9")
    assert (status, "no model version 9" in aside) == (1, True)


def test_a_challenger_with_traffic_does_not_answer_for_the_champion(app: Flask, pets: Path) -> None:
    services: Services = app.extensions["fovea"]
    (services.settings.models_dir / "cat_dog" / "2").symlink_to(services.settings.models_dir / "cat_dog" / "1")
    told = app.test_cli_runner().invoke(
        args=["models", "challenger", "cat_dog", "2", "--mode", "canary", "--percent", "100", "--json"]
    )
    assert json.loads(told.stdout)["percent"] == 100
    assert (
        json.loads(app.test_cli_runner().invoke(args=["models", "challenger", "cat_dog", "--json"]).stdout)[
            "challenger"
        ]
        == 2
    )
    assert run(app, pets)[0] == 0
    assert set(db.session.scalars(db.select(Prediction.model_version))) == {1}
