"""The documentation as a site, and the commands that the documents name."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
import yaml
from flask import Flask

from app.cli import register
from app.config import CHECKOUT
from docs import list_calls

DOCS = CHECKOUT / "docs"
DOCUMENTS = (CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md")))
FLASK_IN_TEXT = re.compile(r"`((?:\.venv/bin/)?flask [^`\n]+)`")
MAKE_IN_TEXT = re.compile(r"`((?:[A-Z_]+=[^\s`]+ )*make [^`\n]+)`")
MAKE = re.compile(r"(?:^|[\s;&])make ((?:[A-Za-z_]+=\S+ )*[a-z-]+)")
FLASK = re.compile(r"(?:^|[\s(`;&|])(?:\.venv/bin/)?flask (?=[a-z-])")


@pytest.fixture(scope="module")
def commands() -> click.Group:
    app = Flask(__name__)
    register(app)
    return app.cli


@pytest.mark.skipif(find_spec("mkdocs") is None, reason="MkDocs is not installed: make docs installs it.")
def test_the_site_builds_without_a_warning_and_needs_no_network(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=CHECKOUT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > len(in_nav(yaml.safe_load((CHECKOUT / "mkdocs.yml").read_text())["nav"]))  # and 404.html
    loaded = re.compile(r'<(?:script|img|iframe|link rel="stylesheet")[^>]+(?:src|href)="https?://[^"]+"')
    assert {page.name: found for page in pages if (found := loaded.findall(page.read_text(encoding="utf-8")))} == {}


def test_every_page_is_in_the_navigation_once() -> None:
    named = in_nav(yaml.safe_load((CHECKOUT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    assert sorted(named) == sorted(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md"))


def test_the_list_of_calls_is_current() -> None:
    assert list_calls.FILE.read_text(encoding="utf-8") == list_calls.text(), "run: python -m docs.list_calls"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_the_commands_of_a_document_exist(commands: click.Group, document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    wrong = [problem for line in flask_lines(text) for problem in problems(commands, line)]
    wrong += [f"python -m {name}" for name in re.findall(r"python -m (benchmarks\.[a-z_.]+|docs\.[a-z_]+)", text)
              if find_spec(name.rstrip(".")) is None]  # fmt: skip
    targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    wrong += [f"make {name}" for name in make_targets(text) if name not in targets]
    assert wrong == []


def test_a_wrong_command_is_noticed(commands: click.Group) -> None:
    text = (
        "```sh\n.venv/bin/flask train leaf --speed 3   # fast\n"
        "flask models promot leaf 2 && \\\n  flask jobs list\n```\nSee `flask keys renew NAME`."
    )
    assert [problem for line in flask_lines(text) for problem in problems(commands, line)] == [
        "flask train leaf --speed 3: no option --speed",
        "flask models promot leaf 2: no command promot",
        "flask keys renew NAME: no command renew",
    ]
    assert make_targets("```sh\nPORT=1 make start  # x\n```\nRun `make verify`, `make PYTHON=python3.12 run`.") == [
        "start", "verify", "run",
    ]  # fmt: skip


def test_the_messages_in_troubleshooting_are_those_of_the_code() -> None:
    code = "\n".join(
        part.value
        for folder in ("app", "deploy", "worker")
        for path in (CHECKOUT / folder).rglob("*.py")
        for part in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    )
    code += (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    rows = re.findall(r"^\|.*$", (DOCS / "how-to" / "troubleshooting.md").read_text(encoding="utf-8"), re.MULTILINE)
    messages = [text for row in rows for text in re.findall(r"`([^`]*(?:…[^`]*|\.))`", row)]
    parts = [part.strip(" ';.,") for message in messages for part in message.split("…")]
    assert len(messages) > 40
    assert [part for part in parts if part not in code] == []


def in_nav(part: object) -> list[str]:
    """Return the pages that a part of the navigation names."""
    if isinstance(part, str):
        return [part]
    assert isinstance(part, (dict, list))
    return [page for each in (part.values() if isinstance(part, dict) else part) for page in in_nav(each)]


def code_lines(text: str) -> Iterator[str]:
    """Yield the lines of fenced shell blocks, those that end in a backslash joined with the next."""
    for block in re.findall(r"^ *```sh\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL):
        yield from block.replace("\\\n", " ").splitlines()


def flask_lines(text: str) -> Iterator[list[str]]:
    """Yield the words after `flask` of each command in shell blocks and inline code, up to a pipe or a redirection."""
    for line in (*code_lines(text), *FLASK_IN_TEXT.findall(text)):
        words = shlex.split(line, comments=True) if FLASK.search(line.split(" #")[0]) else []
        starts = [place for place, word in enumerate(words) if word == "flask" or word.endswith("/flask")]
        for start in starts:
            rest = words[start + 1 :]
            end = next((place for place, word in enumerate(rest) if word in ("&&", "|", ";", ">", ">>")), len(rest))
            yield rest[2:end] if rest[:1] == ["--app"] else rest[:end]


def problems(root: click.Group, words: list[str]) -> list[str]:
    """Say what click would refuse: an unknown command or option."""
    command: click.Command = root
    shown, left = f"flask {' '.join(words)}", list(words)
    while isinstance(command, click.Group) and left:
        name = left.pop(0)
        if name not in command.commands:
            return [f"{shown}: no command {name}"]
        command = command.commands[name]
    if command.ignore_unknown_options:  # it hands its words on
        return []
    known = {name for each in command.params for name in (*each.opts, *each.secondary_opts)} | {"--help"}
    given = [word.partition("=")[0] for word in left if word.startswith("--")]
    return [f"{shown}: no option {name}" for name in given if name not in known]


def make_targets(text: str) -> list[str]:
    """Return the targets that shell blocks and inline code call `make` with."""
    lines = [line.split(" #")[0] for line in code_lines(text)] + MAKE_IN_TEXT.findall(text)
    calls = [match[1] for line in lines if (match := MAKE.search(line))]
    return [call.split()[-1] for call in calls]
