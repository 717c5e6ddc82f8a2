"""The scripts of the dashboard that need no page, tested by Node's own test runner."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from app.config import CHECKOUT


def test_the_scripts_pass_their_unit_tests() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("The unit tests of static/js need Node.js 20 or newer; on Debian: apt-get install nodejs.")
    files = sorted(str(path) for path in (CHECKOUT / "tests" / "static").glob("*.test.js"))
    ended = subprocess.run([node, "--test", *files], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert files
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_no_folder_of_scripts_and_no_script_is_too_large() -> None:
    folders = [path for path in (CHECKOUT / "static" / "js").iterdir() if path.is_dir()]
    assert {path.name for path in folders} == {"pages", "components", "gallery", "lib"}
    assert max(len(list(path.iterdir())) for path in folders) <= 15
