"""The examples of the documents, run as they stand."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app.config import CHECKOUT
from app.drawing import draw
from docs.draw_imports import FILE, picture


def example(document: str, heading: str) -> str:
    """Return the Python code that stands first below a heading."""
    below = (CHECKOUT / document).read_text(encoding="utf-8").partition(f"## {heading}\n")[2]
    return below.partition("```python\n")[2].partition("```")[0]


def test_a_model_is_used_elsewhere_as_the_document_says(client: FlaskClient, tmp_path: Path) -> None:
    shutil.copytree(CHECKOUT / "models" / "cat_dog" / "1", tmp_path, dirs_exist_ok=True)
    photograph = draw("cat_face", 3, 128).jpeg()
    (tmp_path / "photograph.jpg").write_bytes(photograph)
    code = example("docs/training.md", "A model elsewhere")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer = client.post("/api/predict?classifier=cat_dog", data=photograph, content_type="image/jpeg").get_json()
    assert ast.literal_eval(done.stdout) == pytest.approx(answer["probabilities"], abs=0.01)


def test_the_picture_of_the_imports_is_current() -> None:
    assert FILE.read_text(encoding="utf-8") == picture(), "run: python -m docs.draw_imports"


def test_the_documents_link_to_files_that_exist() -> None:
    broken = {
        f"{document.relative_to(CHECKOUT)}: {target}"
        for document in (*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md"))
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
        if not (document.parent / target).exists()
    }
    assert broken == set()
