"""Where a call comes from: under a name that is this service's, and from no other site's page."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from flask import Flask, request
from werkzeug.sansio.utils import host_is_trusted

from app.config import Settings
from app.context import services
from app.errors import Forbidden, InvalidInput

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
PROBES: Final = frozenset({"state.livez", "state.readyz"})  # Kubernetes asks by the pod's address; they tell nothing


def register(app: Flask) -> None:
    """Check every request."""
    app.before_request(_check_host)
    app.before_request(_refuse_other_sites)


def is_trusted(host: str, settings: Settings) -> bool:
    """Say whether a Host header names this service: with another name, a page may come from elsewhere (DNS rebinding).

    The names of the loopback interface always do. TRUSTED_HOSTS says which others; without it HOST does, and where
    HOST is no loopback address, so do all addresses, names without a dot and this machine's own: none of these can
    be a stranger's.
    """
    name = _name(host)
    if not name or name in LOOPBACK:
        return bool(name)
    if settings.trusted_hosts:
        return "*" in settings.trusted_hosts or host_is_trusted(_bracketed(name), settings.trusted_hosts)
    if name == settings.host.lower():
        return True
    near = _is_address(name) or "." not in name or name == socket.gethostname().lower()
    return near and not _is_loopback(settings.host)


def _check_host() -> None:
    host = request.environ.get("HTTP_HOST")
    if host is None:
        if request.environ.get("SERVER_PROTOCOL") == "HTTP/1.1":
            raise InvalidInput("A request of HTTP/1.1 needs the header Host; let your HTTP library set it.")
        return
    if request.endpoint not in PROBES and not is_trusted(host, services().settings):
        raise InvalidInput(
            f"Fovea does not answer to the name {host[:80]!r}; the setting TRUSTED_HOSTS says which names are its own."
        )


def _refuse_other_sites() -> None:
    """Refuse what would change something and comes from another site's page.

    Such a page may look, but sees nothing: no answer allows another origin to read or embed it. Browsers send
    Sec-Fetch-Site to https and localhost only, and Origin, "null" where they hide it, with each call that changes
    something.
    """
    site = request.headers.get("Sec-Fetch-Site", "none")
    origin = request.headers.get("Origin")
    foreign = site in ("cross-site", "same-site") or (origin is not None and not _is_own(origin))
    if foreign and request.method not in SAFE_METHODS:
        raise Forbidden("Another web site's page may not make this call.")


def _is_own(origin: str) -> bool:
    address = urlsplit(origin)
    return address.scheme in ("http", "https") and address.netloc.lower() == request.host.lower()


def _name(host: str) -> str:
    """Return the name in a Host header, without port, brackets and the full stop of a complete name; "" for no name."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:  # brackets that do not close
        return ""
    return "" if set(host) & set("/?#@\\, \t") else name.removesuffix(".")


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name else name


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host in LOOPBACK or (_is_address(host) and ip_address(host).is_loopback)
