"""Rules of the architecture that no linter checks."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config import CHECKOUT

KNOWS_CELERY = {"app/producer.py", "worker/celery_app.py", "worker/losses.py"}
HEAVY = {"keras", "tensorflow", "sklearn", "scipy", "onnx", "tf2onnx", "obstore"}


def sources() -> Iterator[Path]:
    for folder in ("app", "worker"):
        yield from (CHECKOUT / folder).rglob("*.py")


def imported(path: Path) -> set[str]:
    """Return the top names of all that a module imports, wherever it does."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.partition(".")[0])
    return names


def loaded_by(statement: str, data_dir: Path) -> set[str]:
    """Return the top names of the modules that a fresh process has after the statement."""
    code = f"{statement}; import sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=CHECKOUT,
        env=os.environ | {"DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(ended.stdout.split())


def test_only_the_producer_and_the_workers_import_celery() -> None:
    found = {str(path.relative_to(CHECKOUT)) for path in sources() if {"celery", "kombu"} & imported(path)}
    assert found == KNOWS_CELERY


def test_only_the_training_package_imports_keras() -> None:
    found = {path.relative_to(CHECKOUT).parts[:2] for path in sources() if {"keras", "tensorflow"} & imported(path)}
    assert found == {("app", "training")}


def test_only_the_unit_of_work_ends_transactions() -> None:
    ends = {
        f"{path.relative_to(CHECKOUT)}:{node.lineno}"
        for path in sources()
        if path != CHECKOUT / "app/store/transaction.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in {"commit", "rollback", "begin_nested"} and not node.args
    }
    assert ends == set()


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        str(path.relative_to(CHECKOUT))
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv") and ast.unparse(node.value) == "os"
    }
    # The supervisor hands its own environment on to what it starts.
    assert readers - {"app/config.py"} <= {"app/supervisor/commands.py", "app/training/networks/runtime.py"}


@pytest.mark.parametrize(("statement", "never"), [("import wsgi", HEAVY | {"worker"}), ("import worker.tasks", HEAVY)])
def test_neither_the_web_nor_a_waiting_worker_loads_what_it_does_not_need(
    tmp_path: Path, statement: str, never: set[str]
) -> None:
    assert loaded_by(statement, tmp_path) & never == set()


MODULES, LINES = 15, 300  # at most, in a folder and in a file
PRODUCT = ("app", "worker", "fovea_client", "deploy", "docs")
# No metaphors and no archaisms; `math.floor` is a function.
BANNED = re.compile(
    r"\b(rooms?|(?<!math\.)floors?|anew|thereof|hence|whence|therein|lest|for ever|heard of)\b", re.IGNORECASE
)
PLAIN = (
    "app/classifiers", "app/cli", "app/drawing", "app/inference", "app/supervisor", "app/training", "app/web",
    "app/config.py", "app/context.py", "app/factory.py", "fovea_client", "worker", "templates", "docs", "README.md",
    "CONTRIBUTING.md", "SECURITY.md",
)  # fmt: skip
OTHERS = {  # not yet cleaned
    "docs/trust.md", "docs/accuracy.md", "docs/deployment.md", "app/inference/predictor.py",
}  # fmt: skip
TEXT = {".py", ".md", ".html", ".js", ".css", ".yaml"}


def test_folders_and_files_are_small() -> None:
    folders = {path.parent for root in PRODUCT for path in (CHECKOUT / root).rglob("*.py")}
    files = [path for folder in folders for path in folder.glob("*.py")]
    assert [folder for folder in folders if len(list(folder.glob("*.py"))) > MODULES] == []
    assert [path for path in files if len(path.read_text(encoding="utf-8").splitlines()) > LINES] == []


def texts() -> Iterator[Path]:
    for name in PLAIN:
        place = CHECKOUT / name
        yield from (path for path in ([place] if place.is_file() else place.rglob("*")) if path.suffix in TEXT)


def test_the_words_are_plain() -> None:
    found = {
        f"{path.relative_to(CHECKOUT)}: {match[0]}"
        for path in texts()
        if str(path.relative_to(CHECKOUT)) not in OTHERS
        for match in BANNED.finditer(path.read_text(encoding="utf-8"))
    }
    assert found == set()
