"""Who may call: everybody, or with AUTH=keys the holders of a key. And from where: no other site's pages."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from app.errors import Forbidden, Unauthorized
from app.services.operations import keys
from app.web.context import services

blueprint = Blueprint("auth", __name__)

# Probes must answer before anybody has a key; the login page and what it looks like, to get in at all.
PUBLIC: Final = frozenset({"state.livez", "state.readyz", "auth.login", "auth.enter", "static", "bootstrap.static"})
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def register(app: Flask) -> None:
    """Check every request."""
    app.config.update(SESSION_COOKIE_SAMESITE="Lax", SESSION_COOKIE_HTTPONLY=True)
    app.register_blueprint(blueprint)
    app.before_request(_refuse_other_sites)
    app.before_request(_require_key)


@blueprint.get("/login")
def login() -> str:
    """Ask for a key."""
    return render_template("login.html", wrong=False)


@blueprint.post("/login")
def enter() -> WerkzeugResponse | tuple[str, int]:
    """Let the holder of a key in, for as long as the browser stays open and the key is not revoked."""
    key_id = keys.find(request.form.get("key", ""))
    if key_id is None:
        return render_template("login.html", wrong=True), 401
    session["key_id"] = key_id
    return redirect(url_for("pages.home"))


@blueprint.post("/logout")
def logout() -> WerkzeugResponse:
    """Forget the visitor."""
    session.clear()
    return redirect(url_for("auth.login"))


def _refuse_other_sites() -> None:
    """Browsers say when another site's page makes the call; that page has no business changing anything here.

    They send Sec-Fetch-Site to https and localhost only, and Origin everywhere.
    """
    site = request.headers.get("Sec-Fetch-Site", "none")
    origin = urlsplit(request.headers.get("Origin", "")).netloc
    foreign = site in ("cross-site", "same-site") or (origin and origin != request.host)
    if foreign and request.method not in SAFE_METHODS:
        raise Forbidden("Another web site's page may not make this call.")


def _require_key() -> Response | WerkzeugResponse | None:
    if services().settings.auth == "none" or request.endpoint in PUBLIC:
        return None
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    key = bearer if scheme.lower() == "bearer" else request.headers.get("X-API-Key", "")
    if (key and keys.find(key) is not None) or ("key_id" in session and keys.stands(session["key_id"])):
        return None
    if request.method == "GET" and not request.path.startswith("/api") and request.accept_mimetypes.best == "text/html":
        return redirect(url_for("auth.login"))
    raise Unauthorized(
        "This call needs a key: send it as 'Authorization: Bearer <key>' ('flask keys create' makes one)."
    )
