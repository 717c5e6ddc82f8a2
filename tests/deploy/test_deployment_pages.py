"""What the deployment pages, the units and fly.toml say is what there is."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from app.config import CHECKOUT, Settings
from app.services.jobs.queues import QUEUES

PAGES = [CHECKOUT / "docs" / "deployment.md", *sorted((CHECKOUT / "docs" / "deployment").glob("*.md"))]
UNITS = sorted((CHECKOUT / "deploy" / "systemd").glob("*.service"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_files_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text()
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (page.parent / target).exists(), target
    for file in re.findall(r"(?<![\w/.])((?:deploy|tests|docs|benchmarks)/[\w./@-]+\w)", text):
        assert (CHECKOUT / file).exists() or list(CHECKOUT.glob(f"{file}*")), file
    made = re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"`make ([a-z-]+)", text)) <= set(made)


def test_the_units_start_every_role() -> None:
    target = (CHECKOUT / "deploy" / "systemd" / "fovea.target").read_text()
    for queue in QUEUES:
        assert f"fovea-worker@{queue}.service" in target
    commands = [line.partition("=")[2] for unit in UNITS for line in unit.read_text().splitlines()
                if line.startswith("ExecStart=")]  # fmt: skip
    for command in commands:
        for part in shlex.split(command):
            assert not part.startswith("deploy/") or (CHECKOUT / part).exists()
    assert sum("gunicorn" in command for command in commands) == 1
    assert sum(" beat " in command for command in commands) == 1
    lines = (CHECKOUT / "deploy" / "systemd" / "fovea.env").read_text().splitlines()
    Settings.from_env(dict(line.split("=", 1) for line in lines if not line.startswith("#")))


def test_systemd_finds_no_fault_in_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("No systemd is installed here.")
    for unit in UNITS:  # what a unit runs need not be installed here
        text = re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", unit.read_text())
        (tmp_path / unit.name.replace("@.", "@8001.")).write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", *map(str, tmp_path.iterdir())], capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert not [line for line in done.stderr.splitlines() if str(tmp_path) in line], done.stderr


def test_fly_runs_every_role_of_the_image() -> None:
    fly = tomllib.loads((CHECKOUT / "fly.toml").read_text())
    assert {name.lower() for name in fly["env"]} <= set(Settings.model_fields)
    assert set(fly["processes"]) == {"web", "beat", *QUEUES}
    for queue in QUEUES:
        assert f" -Q {queue} -n {queue}@%h " in f"{fly['processes'][queue]} "
    assert fly["http_service"]["internal_port"] == Settings().port
    assert {name for machine in fly["vm"] for name in machine["processes"]} == set(fly["processes"])
    stages = set(re.findall(r" AS (\S+)$", (CHECKOUT / "Dockerfile").read_text(), re.MULTILINE))
    assert fly["build"]["build-target"] in stages
