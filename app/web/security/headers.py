"""What every answer tells the browser: what may be loaded, who may embed it, and that nobody keeps what is private."""

from __future__ import annotations

from typing import Final

from flask import Flask, Response, request

# No inline script or style and nothing from elsewhere; images also from memory (previews and heat maps).
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # with no-referrer, browsers would hide the origin of our own forms, too
    "X-Content-Type-Options": "nosniff",
}
HSTS: Final = "max-age=31536000"  # a year


def register(app: Flask) -> None:
    """Complete every answer."""
    app.after_request(_protect)


def _protect(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", HSTS)
    kept = response.cache_control
    if not kept:
        kept.no_store = True
    elif not kept.public and not kept.no_store and not _is_static():
        kept.private = True
    return response


def _is_static() -> bool:
    return (request.endpoint or "").endswith("static")
