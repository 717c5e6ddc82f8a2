"""Puts an application together from its rooms: wiring only."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable
from typing import Any, TypeVar

import orjson
from flask import Flask
from flask_openapi3 import Info, OpenAPI
from werkzeug.middleware.proxy_fix import ProxyFix

from app import __version__
from app.config import CHECKOUT, Settings
from app.inference import limit_threads
from app.producer import Producer
from app.services import wiring
from app.services.aside import Aside, directly
from app.store.db import db
from app.store.remote import Away

EXTENSION = "fovea"
T = TypeVar("T", bound=Flask)


def create_app(settings: Settings | None = None) -> OpenAPI:
    """Return the web application."""
    from app import cli, web  # noqa: PLC0415 - the workers live without these rooms

    app = OpenAPI(
        "app",
        info=Info(title="Fovea", version=__version__),
        doc_ui=False,
        template_folder=str(CHECKOUT / "templates"),
        static_folder=str(CHECKOUT / "static"),
        validation_error_callback=web.on_validation_error,
        validation_error_status=400,
        validation_error_model=web.Problem,
    )
    _assemble(app, settings, web.offload, web.aside, web.away)
    web.register(app)
    cli.register(app)
    if proxies := app.extensions[EXTENSION].settings.trusted_proxies:  # else a client could name any address its own
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    return app


def create_core(settings: Settings | None = None) -> Flask:
    """Return the application without its web room, for workers."""
    return _assemble(Flask("app"), settings, _here, directly, _here)


def _here(work: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the work returns
    return work()


def _assemble(app: T, settings: Settings | None, offload: Away, aside: Aside, away: Away) -> T:
    settings = settings or Settings.from_env()
    settings.prepare_folders()
    limit_threads()
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
        "json_serializer": lambda value: orjson.dumps(value).decode(),
        "json_deserializer": orjson.loads,
        **settings.engine_options,
    }
    app.secret_key = _secret_key(settings)
    db.init_app(app)
    producer = Producer(settings.broker)
    count = producer.waiting if settings.broker_url else None
    app.extensions[EXTENSION] = wiring.build(settings, producer.send, offload, aside, away, count)
    return app


def _secret_key(settings: Settings) -> str:
    """Return the given key, or one made at the first start and kept readable for its owner alone."""
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    handle = os.open(settings.instance_dir / "secret_key", os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(handle, "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # of several processes that start at once, one makes it
        key = file.read()
        if not key:  # the first start, or the first after one that was killed right here
            key = secrets.token_hex(32)
            file.write(key)
    return key
