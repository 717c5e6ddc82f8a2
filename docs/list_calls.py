"""Writes docs/calls.md, a table of all calls, from the OpenAPI document: `python -m docs.list_calls`."""

from __future__ import annotations

import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from app import create_app
from app.config import Settings
from app.web.security.auth import PUBLIC
from app.web.security.scopes import needed

FILE: Final = Path(__file__).parent / "calls.md"
TABLE: Final = "| call | scope | fields | |\n| --- | --- | --- | --- |\n"
METHODS: Final = ("get", "post", "put", "patch", "delete")
HEAD: Final = """# All calls

`python -m docs.list_calls` writes this page from `/openapi.json`; a test fails when it is out of date.
[HTTP API](reference/http.md) says what the calls have in common. *Scope* is what a key must have with `AUTH=keys`; who
cancels or retries a job needs that of the job's kind, too. *Fields* are those of path, query and body; `*` marks what
must be sent.
"""


def text() -> str:
    """Return the page."""
    with tempfile.TemporaryDirectory(prefix="fovea-calls-") as folder:
        app = create_app(Settings(data_dir=Path(folder)))
        document = app.test_client().get("/openapi.json").get_json()
        scopes = {
            (re.sub(r"<(?:[a-z]+:)?([^>]+)>", r"{\1}", rule.rule), method.lower()): _scope(rule.endpoint, method)
            for rule in app.url_map.iter_rules()
            for method in rule.methods or ()
        }
    rows: dict[str, list[str]] = defaultdict(list)
    for path, operations in document["paths"].items():
        for method in METHODS:
            if method in operations:
                call = operations[method]
                cells = f"`{method.upper()} {path}`", scopes[path, method], " ".join(_fields(call)), _summary(call)
                rows[call["tags"][0]].append(f"| {' | '.join(cells)} |")
    tables = (
        f"\n## {tag}\n\n| call | scope | fields | |\n| --- | --- | --- | --- |\n" + "\n".join(rows[tag]) for tag in rows
    )
    return HEAD + "\n".join(tables) + "\n"


def _scope(endpoint: str, method: str) -> str:
    return "none" if endpoint in PUBLIC else needed(endpoint, method)


def _fields(call: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of what is sent: first the path's and the query's, then the body's."""
    for each in call.get("parameters", ()):
        yield _field(each["name"], needed=each.get("required", False))
    for content in list(call.get("requestBody", {}).get("content", {}).values())[:1]:
        schema = content["schema"]
        for name in schema.get("properties", ()):
            yield _field(name, needed=name in schema.get("required", ()))


def _field(name: str, *, needed: bool) -> str:
    return f"`{name}`" + "\\*" * needed


def _summary(call: Mapping[str, Any]) -> str:
    return str(call.get("summary", "")).replace("|", "\\|")


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
