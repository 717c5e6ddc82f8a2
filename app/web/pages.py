"""The dashboard's pages. Each is a template and a script that uses the public interface; there is no private one."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from flask import Blueprint, Flask, Response, render_template
from flask_bootstrap import Bootstrap5
from rjsmin import jsmin

from app.classifiers.card import MEDICAL_NOTICE
from app.context import services
from app.training.networks.backbones import all_backbones

blueprint = Blueprint("pages", __name__)

PAGES = ("predict", "bulk", "cases", "data", "train", "models", "monitor")
# The icons that the templates and scripts name, out of the two thousand of the package.
ICONS: Final = (
    "activity", "arrow-clockwise", "arrow-counterclockwise", "arrow-right-circle", "box-arrow-right", "check-circle",
    "chevron-left", "chevron-right", "clock", "code-slash", "download", "exclamation-circle", "exclamation-triangle",
    "eye", "eye-slash", "folder2-open", "hand-thumbs-down", "hand-thumbs-up", "house", "images", "info-circle",
    "layers", "list", "moon-stars", "mortarboard", "person", "play-fill", "question-circle", "search", "slash-circle",
    "upload", "x-circle",
)  # fmt: skip


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
    return _kept(_chart(), "text/javascript")


@blueprint.get("/assets/icons.svg")
def icons() -> Response:
    """Serve the icons that the pages use."""
    return _kept(_icon_sheet(), "image/svg+xml")


def _kept(body: str, mimetype: str) -> Response:
    """An answer that browsers keep for a day."""
    answer = Response(body, mimetype=mimetype)
    answer.headers["Cache-Control"] = "public, max-age=86400"
    return answer


@cache
def _chart() -> str:
    """Chart.js without comments and blanks, which are a third of it."""
    bundle = Path(str(files("chartkick"))) / "django" / "static" / "chartkick" / "Chart.bundle.js"
    return str(jsmin(bundle.read_text(encoding="utf-8")))


@cache
def _icon_sheet() -> str:
    """Cut ICONS out of Bootstrap's sheet, which weighs a megabyte."""
    sheet = Path(str(files("flask_bootstrap"))) / "static" / "bootstrap5" / "icons" / "bootstrap-icons.svg"
    symbols = re.finditer(r'<symbol [^>]*id="([^"]+)".*?</symbol>', sheet.read_text(encoding="utf-8"))
    used = "".join(symbol[0] for symbol in symbols if symbol[1] in ICONS)
    return f'<svg xmlns="http://www.w3.org/2000/svg">{used}</svg>'


def _common() -> dict[str, object]:
    return {
        "classifiers": list(services().catalog.values()),
        "default_classifier": services().catalog.default,
        "backbones": all_backbones(services().settings.weights_dir),
        "medical_notice": MEDICAL_NOTICE,
        "auth": services().settings.auth,
    }
