"""Who may call: everybody, or with AUTH=keys the holders of a key, by a header or by signing in."""

from __future__ import annotations

import re
from typing import Final

from flask import Blueprint, Flask, g, redirect, render_template, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from werkzeug.wrappers import Response

from app.actor import ANYBODY, current_actor
from app.context import services
from app.errors import Unauthorized
from app.services.operations import keys
from app.services.operations.roles import Holder
from app.web.errors import asks_for_page
from app.web.security import scopes

blueprint = Blueprint("auth", __name__)

# Probes must answer before anybody has a key; the login page and what it looks like, to get in at all.
PUBLIC: Final = frozenset({
    "state.livez", "state.readyz", "auth.login", "auth.enter", "auth.logout",
    "static", "bootstrap.static", "docs.assets", "pages.chart", "pages.icons",
})  # fmt: skip
FORM_BYTES: Final = 4000  # of the login form: a key and an address
TOKEN: Final = "token"  # noqa: S105 - the name of what the cookie carries
LOCAL: Final = re.compile(r"/(?![/\\])[!-\[\]-~]*")  # a path on this server, with its query; no backslash, no blank


class _Cookie(SecureCookieSessionInterface):
    """Flask's signed cookie, sent back by TLS alone where it came by TLS."""

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002 - Flask's signature
        return request.is_secure


def register(app: Flask) -> None:
    """Check every request."""
    app.config.update(SESSION_COOKIE_SAMESITE="Lax", SESSION_COOKIE_HTTPONLY=True)
    app.session_interface = _Cookie()
    app.register_blueprint(blueprint)
    app.before_request(_require_key)
    app.context_processor(lambda: {"holder": g.get("holder")})


@blueprint.get("/login")
def login() -> str:
    """Ask for a key; `next` is where to go then."""
    return _form(request.args.get("next"))


@blueprint.post("/login")
def enter() -> Response | tuple[str, int]:
    """Let the holder of a key in, until they sign out, the browser closes, a week has passed or the key is revoked."""
    request.max_content_length = FORM_BYTES
    token = keys.sign_in(request.form.get("key", "").strip())
    if token is None:
        return _form(request.form.get("next"), wrong=True), 401
    keys.sign_out(session.get(TOKEN, ""))
    session[TOKEN] = token
    return redirect(_local(request.form.get("next")))


@blueprint.post("/logout")
def logout() -> Response:
    """End the session, so that nobody gets in with a copy of its cookie either."""
    keys.sign_out(session.get(TOKEN, ""))
    session.clear()
    return redirect(url_for("auth.login"))


def _form(following: str | None, *, wrong: bool = False) -> str:
    return render_template("login.html", wrong=wrong, next=_local(following))


def _local(address: str | None) -> str:
    """Return an address on this server; the home page's where it would lead anywhere else."""
    return address if address and LOCAL.fullmatch(address) else url_for("pages.home")


def _require_key() -> Response | None:
    current_actor.set(ANYBODY)
    if services().settings.auth == "none" or request.endpoint in PUBLIC:
        return None
    found = _holder()
    if found is not None:
        current_actor.set(f"key {found.name}")
        g.holder = found
        scopes.require(scopes.needed(request.endpoint or "", request.method))
        return None
    if request.method in ("GET", "HEAD") and asks_for_page():
        address = request.full_path if request.query_string else request.path
        return redirect(url_for("auth.login", next=address if address != url_for("pages.home") else None))
    raise Unauthorized(
        "This call needs a key: send it as 'Authorization: Bearer <key>' ('flask keys create' makes one)."
    )


def _holder() -> Holder | None:
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    key = bearer.strip() if scheme.lower() == "bearer" else request.headers.get("X-API-Key", "")
    found = keys.holder(key) if key else None
    return keys.signed_in(session[TOKEN]) if found is None and TOKEN in session else found
