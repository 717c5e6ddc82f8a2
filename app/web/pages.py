"""The dashboard's pages. Each is a template and a script that uses the public interface; there is no private one."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from flask import Blueprint, Flask, Response, render_template, send_from_directory
from flask_bootstrap import Bootstrap5

from app.classifiers.card import MEDICAL_NOTICE
from app.web.context import services
from app.web.schemas import DEFAULT_CLASSIFIER

blueprint = Blueprint("pages", __name__)

PAGES = ("predict", "bulk", "train", "models", "monitor")


def register(app: Flask) -> None:
    """Add the pages, and Bootstrap out of its package."""
    app.config.update(BOOTSTRAP_SERVE_LOCAL=True)
    Bootstrap5(app)
    app.register_blueprint(blueprint)
    app.context_processor(_common)


@blueprint.get("/")
def home() -> str:
    """Say what each classifier is, how good, and what runs."""
    return render_template("home.html", page="home")


@blueprint.get(f"/<any({', '.join(PAGES)}):page>")
def show(page: str) -> str:
    """Show one page of the dashboard."""
    return render_template(f"{page}.html", page=page)


@blueprint.get("/assets/chart.js")
def chart() -> Response:
    """Serve Chart.js out of its package."""
    folder = Path(str(files("chartkick"))) / "django" / "static" / "chartkick"
    return send_from_directory(folder, "Chart.bundle.js", max_age=86_400)


def _common() -> dict[str, object]:
    return {
        "classifiers": list(services().catalog.values()),
        "default_classifier": DEFAULT_CLASSIFIER,
        "medical_notice": MEDICAL_NOTICE,
        "auth": services().settings.auth,
    }
