"""The files that a hosting service reads: workflows, templates, citation; and the image's build file."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from app import __version__
from app.config import CHECKOUT

GITHUB = CHECKOUT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
SCHEMAS = [
    *(("vendor.github-workflows", path) for path in WORKFLOWS),
    *(("custom.github-workflows-require-timeout", path) for path in WORKFLOWS),
    ("vendor.dependabot", GITHUB / "dependabot.yml"),
    ("vendor.github-issue-config", GITHUB / "ISSUE_TEMPLATE" / "config.yml"),
    ("vendor.github-issue-forms", GITHUB / "ISSUE_TEMPLATE" / "bug.yml"),
    ("vendor.github-issue-forms", GITHUB / "ISSUE_TEMPLATE" / "feature.yml"),
    ("vendor.citation-file-format", CHECKOUT / "CITATION.cff"),
]


@pytest.mark.parametrize(
    ("schema", "path"), SCHEMAS, ids=lambda value: value.name if isinstance(value, Path) else value
)
def test_a_file_is_what_its_schema_says(schema: str, path: Path) -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def jobs(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((GITHUB / "workflows" / name).read_text())["jobs"]
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_runs_what_there_is_with_no_more_rights_than_it_needs(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    made = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
    stages = set(re.findall(r" AS (\S+)$", (CHECKOUT / "Dockerfile").read_text(), re.MULTILINE))
    for name, job in workflow["jobs"].items():
        assert set(job.get("strategy", {}).get("matrix", {}).get("target", [])) <= stages, name
        for step in job["steps"]:
            script = step.get("run", "")
            assert set(re.findall(r"\bmake ([a-z-]+)", script)) <= made
            assert "${{" not in script or "matrix." in script  # what others write is never part of a script
            for file in re.findall(r"(?:tests/\S+|requirements\S*\.txt|static/\S+\.jpg)", script):
                assert (CHECKOUT / file.strip('"')).exists(), file


def test_every_supported_python_is_tested_on_linux_and_macos() -> None:
    matrix = jobs("ci.yml")["test"]["strategy"]["matrix"]
    assert matrix["python"] == ["3.11", "3.12", "3.13"]
    assert {name.partition("-")[0] for name in matrix["os"]} == {"ubuntu", "macos"}


def test_the_version_is_the_same_everywhere() -> None:
    assert yaml.safe_load((CHECKOUT / "CITATION.cff").read_text())["version"] == __version__
    assert f"ARG VERSION={__version__}\n" in (CHECKOUT / "Dockerfile").read_text()
    base = yaml.safe_load((CHECKOUT / "deploy" / "kubernetes" / "base" / "kustomization.yaml").read_text())
    assert {each["newTag"] for each in base["images"]} == {__version__}


def test_the_build_file_has_no_fault_that_hadolint_finds() -> None:
    program = Path(sys.executable).with_name("hadolint")
    found = str(program) if program.exists() else shutil.which("hadolint")
    if found is None:
        pytest.skip("No hadolint is installed here.")
    done = subprocess.run(
        [found, "--no-color", str(CHECKOUT / "Dockerfile")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("stage", ["web", "worker"])
def test_an_image_is_not_root_probed_and_prepares_itself(stage: str) -> None:
    stages = re.split(r"^FROM ", (CHECKOUT / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]
    (final,) = (each for each in stages if each.partition("\n")[0] == f"runtime AS {stage}")
    (runtime,) = (each for each in stages if each.partition("\n")[0].endswith(" AS runtime"))
    assert "USER 10001:10001\n" in runtime
    assert "USER" not in final
    assert 'ENTRYPOINT ["python3", "-m", "deploy.start"]' in runtime
    assert "org.opencontainers.image.revision=" in runtime
    assert "HEALTHCHECK" in final
    assert f"--from=build-{stage} " in final
    assert (CHECKOUT / "deploy" / "slim.sh").exists()


def test_the_web_servers_requirements_are_the_same_versions_without_tensorflow() -> None:
    def pins(name: str) -> set[tuple[str, str]]:
        lines = (CHECKOUT / name).read_text().splitlines()
        return {tuple(line.partition(";")[0].strip().split("==")) for line in lines}  # type: ignore[misc]

    web, full, tools = pins("requirements-web.txt"), pins("requirements.txt"), pins("requirements-dev.txt")
    assert web < full < tools
    assert not {name for name, _ in web} & {"tensorflow", "tensorflow-cpu", "keras", "scikit-learn", "onnx", "tf2onnx"}
