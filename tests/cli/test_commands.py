from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import delete, update

from app import create_app
from app.config import CHECKOUT, Settings
from app.drawing import draw
from app.services.jobs.transitions import FINAL
from app.services.operations import keys
from app.services.operations.roles import SCOPES, Holder
from app.services.wiring import Services
from app.store.db import db
from app.store.tables import AuditEntry
from app.store.transaction import transaction


def flask(app: Flask, *words: str | Path) -> Result:
    """Run a command of `flask`."""
    return app.test_cli_runner().invoke(args=[str(word) for word in words])


def refused(app: Flask, *words: str | Path) -> str:
    """Run a command that must fail; return its one sentence."""
    result = flask(app, *words)
    assert result.exit_code == 1, result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1
    assert "Traceback" not in result.output
    return lines[0].removeprefix("Error: ")


COMMANDS = [
    "init", "data", "data import", "data synth", "data audit", "data report",
    "data versions", "data images", "data relabel", "data move", "data tag", "data remove", "data undo",
    "data changes", "train", "evaluate", "predict", "models", "models list",
    "jobs", "jobs list", "jobs show", "jobs cancel", "jobs retry", "jobs results", "jobs submit",
    "models promote", "models rollback", "models challenger", "models card", "models demo", "keys", "keys create",
    "keys list", "keys revoke", "classifiers", "classifiers list", "classifiers show", "classifiers create",
    "classifiers edit", "classifiers delete", "audit", "audit log", "audit head", "audit verify",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does(app: Flask, command: str) -> None:
    result = flask(app, *command.split(), "--help")
    assert result.exit_code == 0
    title = result.output.partition("\n\n")[2].strip().partition("\n")[0]
    assert title.endswith((".", ",")) or len(title) > 40


def test_images_are_drawn_imported_and_checked(app: Flask, tmp_path: Path) -> None:
    drawn = flask(app, "data", "synth", "cat_dog", "--count", "6")
    assert (drawn.exit_code, drawn.stdout.splitlines()[0]) == (0, "6 accepted, 0 known already, 0 rejected.")
    folder = tmp_path / "pets"
    folder.mkdir()
    (folder / "cat.1.jpg").write_bytes(draw("cat_face", 9, 96).jpeg())
    (folder / "bird.1.jpg").write_bytes(draw("cat_face", 8, 96).jpeg())
    imported = flask(app, "data", "import", "cat_dog", folder)
    assert imported.stdout.splitlines()[0] == "1 accepted, 0 known already, 1 rejected."
    assert "bird.1.jpg: " in imported.stdout
    audit = json.loads(flask(app, "data", "audit", "cat_dog", "--json").stdout)
    assert (audit["images"], audit["clean"], audit["complete"]) == (7, True, True)
    told = flask(app, "data", "audit", "cat_dog").stdout
    assert "notice: unlabelled_files (1)" in told
    assert told.endswith("no problem was found.\n")
    page = tmp_path / "report.html"
    assert flask(app, "data", "report", "cat_dog", "--output", page).exit_code == 0
    assert "unlabelled files" in page.read_text()


def test_models_are_listed_promoted_and_rolled_back(app: Flask, settings: Settings) -> None:
    services: Services = app.extensions["fovea"]
    shutil.copytree(CHECKOUT / "models" / "cat_dog" / "1", settings.models_dir / "cat_dog" / "2")
    services.registry.adopt("cat_dog")
    assert [line.partition(":")[0] for line in flask(app, "models", "list", "cat_dog").stdout.splitlines()] == [
        "cat_dog 2",
        "cat_dog 1",
    ]
    assert len(flask(app, "models", "list").stdout.splitlines()) == len(services.catalog) + 1
    assert flask(app, "models", "promote", "cat_dog", "2").stdout == "cat_dog 2 serves now.\n"
    assert "cat_dog 2: custom_cnn" in flask(app, "models", "list", "cat_dog").stdout
    assert flask(app, "models", "rollback", "cat_dog").stdout == "cat_dog 1 serves now.\n"


def test_a_model_card_is_written_in_both_forms(app: Flask) -> None:
    text, html = (flask(app, "models", "card", "cat_dog", *more).stdout for more in ((), ("1", "--html")))
    assert text.startswith("# Model card: ")
    assert "Demonstration model" in text
    assert html.startswith("<!doctype html>")
    assert "no model version 9" in refused(app, "models", "card", "cat_dog", "9")


def test_a_model_is_measured_on_a_folder(app: Flask, tmp_path: Path) -> None:
    folder = tmp_path / "pets"
    folder.mkdir()
    for seed in range(6):
        for label in ("cat", "dog"):
            (folder / f"{label}.{seed}.jpg").write_bytes(draw(f"{label}_face", 7_000_000 + seed).jpeg())
    shown = flask(app, "evaluate", "cat_dog", "--data", folder).stdout
    assert re.search(r"^Accuracy +\d\.\d{3} \[\d\.\d{3}, \d\.\d{3}\]$", shown, re.MULTILINE)
    assert len(shown.splitlines()) < 40
    figures = json.loads(flask(app, "evaluate", "cat_dog", "--data", folder, "--json").stdout)
    assert (figures["classifier"], figures["model_version"], figures["n"]) == ("cat_dog", 1, 12)
    low, high = figures["intervals"]["accuracy"]
    assert 0 <= low <= figures["accuracy"] <= high <= 1
    assert {"curves", "reliability", "mistakes", "prediction_set", "per_class"} <= set(figures)


def test_a_key_is_made_and_printed_once(app: Flask) -> None:
    key = flask(app, "keys", "create", "clinic").stdout.strip()
    assert keys.holder(key) == Holder("clinic", frozenset(SCOPES))
    assert flask(app, "keys", "revoke", "clinic").stdout == "1 revoked.\n"
    assert keys.holder(key) is None
    assert "no key of the name" in refused(app, "keys", "revoke", "clinic")


def test_keys_are_listed_with_what_they_may_do_and_when_they_end(app: Flask) -> None:
    assert flask(app, "keys", "list").stdout == "There is no key.\n"
    looking = flask(app, "keys", "create", "screen", "--role", "viewer", "--days", "30").stdout.strip()
    gateway = flask(app, "keys", "create", "gateway", "--scope", "predict").stdout.strip()
    found = keys.holder(looking)
    assert found is not None
    assert (found.role, found.scopes) == ("viewer", frozenset({"read"}))
    flask(app, "keys", "revoke", "gateway")
    listed = flask(app, "keys", "list").stdout.splitlines()
    assert [line.split()[:2] for line in listed[-2:]] == [["screen", "viewer"], ["gateway", "revoked"]]
    assert keys.holder(gateway) is None
    assert "not both" in refused(app, "keys", "create", "x", "--role", "viewer", "--scope", "predict")


def test_the_audit_log_says_who_did_what_and_notices_every_change(app: Flask) -> None:
    flask(app, "keys", "create", "clinic", "--role", "reviewer")
    head = flask(app, "audit", "head").stdout.strip()
    flask(app, "keys", "revoke", "clinic")
    lines = [json.loads(line) for line in flask(app, "audit", "log").stdout.splitlines()]
    assert [line["action"] for line in lines[-2:]] == ["key.created", "key.revoked"]
    assert lines[-1]["actor"].startswith("command of ")
    assert lines[-1]["previous"] == lines[-2]["sha256"]
    told = flask(app, "audit", "verify", "--head", head).stdout
    assert told == f"{len(lines)} entries, each as it was written.\n"
    with app.app_context(), transaction():
        db.session.execute(update(AuditEntry).where(AuditEntry.id == len(lines)).values(actor="nobody"))
    assert f"entry {len(lines)} is not as it was written" in refused(app, "audit", "verify")
    with app.app_context(), transaction():
        db.session.execute(delete(AuditEntry).where(AuditEntry.id >= len(lines) - 1))
    assert flask(app, "audit", "verify").exit_code == 0  # the end can be cut off unseen,
    assert "missing" in refused(app, "audit", "verify", "--head", head)  # but not by who kept a head
    assert "not signed" in refused(app, "audit", "verify", "--head", head[:-4] + "0000")
    assert "no head" in refused(app, "audit", "verify", "--head", "1:2")


def test_the_preparation_can_be_repeated(app: Flask) -> None:
    assert flask(app, "init").exit_code == 0
    services: Services = app.extensions["fovea"]
    assert services.registry.champion("cat_dog") == 1


def test_what_is_wrong_is_one_sentence(app: Flask, tmp_path: Path) -> None:
    assert "choose one of" in refused(app, "data", "synth", "cats")
    assert "There is no folder" in refused(app, "data", "import", "cat_dog", tmp_path / "nowhere")
    assert "There is no folder" in refused(app, "evaluate", "cat_dog", "--data", tmp_path / "nowhere")
    assert "at least 10 images" in refused(app, "train", "cat_dog")
    assert "no model version 9" in refused(app, "models", "promote", "cat_dog", "9")
    assert "no promotion left to undo" in refused(app, "models", "rollback", "cat_dog")
    assert "choose one of" in refused(app, "models", "list", "cats")
    assert "choose one of" in refused(app, "data", "audit", "cats")


def test_a_training_that_fails_says_why_and_leaves_a_failed_job(app: Flask) -> None:
    services: Services = app.extensions["fovea"]
    flask(app, "data", "synth", "cat_dog", "--count", "20")
    for path in list(services.settings.uploads_dir.rglob("*"))[-3:]:
        if path.is_file():
            path.write_bytes(b"damaged")
    sentence = refused(app, "train", "cat_dog", "--epochs", "1")
    assert sentence.startswith("The training failed: ")
    (job,) = services.jobs.list()
    assert (job.status, job.status in FINAL) == ("failed", True)
    assert [path.name for path in (services.registry.root / "cat_dog").iterdir()] == ["1"]


def test_a_file_that_cannot_be_written_is_a_sentence(app: Flask) -> None:
    assert refused(app, "backup", "/nowhere/b.zip").startswith("A file cannot be read or written: [Errno 2]")


def test_a_database_without_tables_is_a_sentence_that_names_the_command_that_makes_them(settings: Settings) -> None:
    sentence = refused(create_app(settings), "models", "list")
    assert "no such table" in sentence
    assert "'flask init'" in sentence


@pytest.mark.parametrize("group", ["", "data", "jobs", "models", "keys"])
def test_a_list_of_commands_says_of_each_what_it_does_in_a_line(app: Flask, group: str) -> None:
    listed = flask(app, *group.split(), "--help").output.partition("Commands:")[2].splitlines()
    assert len(listed) > 2
    assert not [line for line in listed if line.endswith("...")]


def test_people_get_lines_and_programs_json(app: Flask) -> None:
    for command in (
        ("models", "list", "cat_dog"), ("models", "challenger", "cat_dog"), ("jobs", "list"),
        ("data", "versions", "cat_dog"),
    ):  # fmt: skip
        assert not flask(app, *command).stdout.startswith(("{", "[")), command
        assert isinstance(json.loads(flask(app, *command, "--json").stdout), dict | list), command


def test_a_files_name_commands_no_terminal(app: Flask, tmp_path: Path) -> None:
    folder = tmp_path / "pets" / "cat"
    folder.mkdir(parents=True)
    (folder / "good.jpg").write_bytes(draw("cat_face", 1, 128).jpeg())
    hostile = folder / "cat\x1b]0;owned\x07\x1b[2J\n\u202egpj.jpg"
    hostile.write_bytes(b"text")
    for command in (("data", "import", "cat_dog", folder.parent), ("predict", "cat_dog", hostile)):
        shown = flask(app, *command).output
        assert "cat\ufffd" in shown
        assert not set("\x1b\x07\u202e") & set(shown)
    assert "\x1b" not in refused(app, "jobs", "show", "\x1b[2J")


def test_images_are_listed_changed_and_put_back(app: Flask) -> None:
    flask(app, "data", "synth", "cat_dog", "--count", "4")
    listed = json.loads(flask(app, "data", "images", "cat_dog", "--label", "cat", "--json").stdout)
    cats = [image["sha256"] for image in listed["images"]]
    assert (len(cats), listed["next_cursor"]) == (2, None)
    done = flask(app, "data", "relabel", "cat_dog", "dog", *cats, "--reason", "second look")
    assert done.stdout == "2 images relabelled; the dataset of cat_dog has revision 1.\n"
    assert "Nothing to change" in flask(app, "data", "relabel", "cat_dog", "dog", *cats).stdout
    given = app.test_cli_runner().invoke(args=["data", "remove", "cat_dog", "-"], input="\n".join(cats))
    assert "2 images removed" in given.stdout
    assert "has no image" in refused(app, "data", "move", "cat_dog", "train", cats[0])
    for _ in range(2):
        assert "2 images put back" in flask(app, "data", "undo", "cat_dog").stdout
    assert "no change" in refused(app, "data", "undo", "cat_dog")
    page = flask(app, "data", "images", "cat_dog", "--limit", "3")
    assert [line.split()[2] for line in page.stdout.splitlines()[1:]] == ["dog", "cat", "dog"]
    cursor = page.stderr.split()[-1]
    assert len(flask(app, "data", "images", "cat_dog", "--cursor", cursor).stdout.splitlines()) == 2
    rows = json.loads(flask(app, "data", "changes", "cat_dog", "--json").stdout)["changes"]
    assert [row["action"] for row in rows] == ["undone", "undone", "removed", "relabelled"]
    assert all(row["actor"].startswith("command of ") for row in rows)
