"""Builds the application from its packages."""

from __future__ import annotations

import fcntl
import os
import secrets
from typing import TypeVar

import orjson
from flask import Flask
from flask_openapi3 import Info, OpenAPI
from werkzeug.middleware.proxy_fix import ProxyFix

from app import __version__
from app.config import CHECKOUT, Settings
from app.context import EXTENSION
from app.inference import limit_threads
from app.producer import Producer
from app.runners import Runners
from app.services import wiring
from app.store.db import db

T = TypeVar("T", bound=Flask)
__all__ = ["EXTENSION", "create_app", "create_core"]


def create_app(settings: Settings | None = None) -> OpenAPI:
    """Return the web application."""
    from app import cli, web  # noqa: PLC0415 - the workers do not need these packages

    app = OpenAPI(
        "app",
        info=Info(title="Fovea", version=__version__),
        doc_ui=False,
        responses=web.problems(401, 403),  # every call may need a key
        template_folder=str(CHECKOUT / "templates"),
        static_folder=str(CHECKOUT / "static"),
        validation_error_callback=web.on_validation_error,
        validation_error_status=400,
        validation_error_model=web.Problem,
    )
    _assemble(app, settings, web.RUNNERS)
    web.register(app)
    cli.register(app)
    if proxies := app.extensions[EXTENSION].settings.trusted_proxies:  # else a client could name any address its own
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    return app


def create_core(settings: Settings | None = None) -> Flask:
    """Return the application without HTTP interface and command line, for workers."""
    return _assemble(Flask("app"), settings, Runners())


def _assemble(app: T, settings: Settings | None, runners: Runners) -> T:
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
    broker = wiring.Broker(producer.send, producer.waiting if settings.broker_url else None)
    with app.app_context():  # DEFAULT_CLASSIFIER may be in the database
        app.extensions[EXTENSION] = wiring.build(settings, broker, runners)
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
