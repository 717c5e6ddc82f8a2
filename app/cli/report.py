"""A dataset's figures and audit as one HTML page that needs nothing else."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, FileSystemLoader

from app.classifiers.spec import ClassifierSpec
from app.config import CHECKOUT


def dataset_page(found: dict[str, Any], audit: dict[str, Any], spec: ClassifierSpec) -> str:
    """Return the page of what exploration and audit gave."""
    pages = Environment(loader=FileSystemLoader(CHECKOUT / "templates"), autoescape=True)
    return pages.get_template("dataset_report.html").render(found=found, audit=audit, spec=spec)
