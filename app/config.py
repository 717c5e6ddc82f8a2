"""Settings: the only reader of the environment. Typed, frozen, checked at the start, passed down from there."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from app.errors import ConfigError
from app.faults import fault

MEGABYTE = 1_000_000  # bytes
CHECKOUT = Path(__file__).resolve().parent.parent
MEMORY = Path("/dev/shm")  # noqa: S108 - what is put there has the user and a hash in its name, and is for its owner
PRIVATE = 0o077  # the umask of every process: photographs, answers and hashes of keys are for their owner alone
SOCKET_PATH_LIMIT = 100  # a Unix socket's path holds at most 107 bytes
# A name, .name for all names below it, an address (IPv6 in brackets), or * for any; no port, no scheme.
_HOST = re.compile(r"\*|\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]")
# Not to be printed. NAME_FILE may name a file that holds the value, as containers and systemd keep secrets.
_MAY_HOLD_SECRETS = (
    "DATABASE_URL",
    "DATABASE_PASSWORD",
    "REDIS_URL",
    "REDIS_PASSWORD",
    "BROKER_URL",
    "STORAGE_URL",
    "SECRET_KEY",
    "WEBHOOK_URL",
    "WEBHOOK_SECRET",
)


class Settings(BaseModel):
    """What can be set from outside, by the environment variable of the same name in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    web_concurrency: int = Field(default_factory=lambda: min(os.cpu_count() or 1, 8), ge=1, le=64)
    batch_concurrency: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=256)
    data_dir: Path = CHECKOUT
    database_url: str = ""
    database_password: SecretStr | None = None
    redis_url: str = ""
    redis_password: SecretStr | None = None
    broker_url: str = ""
    storage_url: str = ""
    weights_dir: Path | None = None
    classifiers_dir: Path | None = None
    default_classifier: str = ""
    trusted_hosts: tuple[str, ...] = ()
    access_log: Literal["on", "off"] = "on"
    answer_cache: Literal["on", "off"] = "on"
    max_upload_mb: int = Field(default=16, ge=1, le=10_000)
    auth: Literal["none", "keys"] = "none"
    secret_key: SecretStr | None = None
    trusted_proxies: int = Field(default=0, ge=0, le=10)
    training_hours: float = Field(default=24, gt=0, allow_inf_nan=False)
    training_memory_mb: int | None = Field(default=None, ge=1)
    webhook_url: str = ""
    webhook_secret: SecretStr | None = Field(default=None, min_length=16)
    retain_predictions_days: int | None = Field(default=None, ge=1)
    retain_predictions_count: int | None = Field(default=None, ge=1)
    retain_images_days: int | None = Field(default=None, ge=1)
    retain_images_mb: int | None = Field(default=None, ge=1)
    retain_jobs_days: int | None = Field(default=None, ge=1)
    retain_jobs_count: int | None = Field(default=None, ge=1)

    @field_validator("data_dir", "weights_dir", "classifiers_dir")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        try:
            return None if value is None else value.expanduser().resolve()
        except RuntimeError as error:  # ~name of a user that there is not
            raise ValueError(str(error)) from error

    @field_validator("weights_dir", "classifiers_dir")
    @classmethod
    def _exists(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_dir():
            raise ValueError(f"there is no folder {value}")
        return value

    @field_validator("trusted_hosts", mode="before")
    @classmethod
    def _hosts(cls, value: object) -> object:
        return (
            [name for part in value.split(",") if (name := part.strip().lower())] if isinstance(value, str) else value
        )

    @field_validator("trusted_hosts")
    @classmethod
    def _host_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not _HOST.fullmatch(name):
                raise ValueError(
                    "must be names separated by commas, such as fovea.example,.clinic.example, or * for any"
                )
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: str) -> str:
        return _address(value, ("redis://", "rediss://", "unix://"), "must begin with redis://, rediss:// or unix://")

    @field_validator("broker_url")
    @classmethod
    def _broker(cls, value: str) -> str:
        return _address(value, ("amqp://", "amqps://"), "must begin with amqp:// or amqps://, or be unset for Redis")

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: str) -> str:
        if value:
            from sqlalchemy import exc, make_url  # noqa: PLC0415 - the supervisor starts sooner without it

            try:
                url = make_url(value)
                url.get_dialect().import_dbapi()
                usable = url.get_backend_name() in ("sqlite", "postgresql") and url.database
            except (exc.ArgumentError, ImportError):
                usable = None
            if not usable:
                raise ValueError("must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME")
        return value

    @field_validator("storage_url")
    @classmethod
    def _storage(cls, value: str) -> str:
        address = urlsplit(value)
        if value and not (address.scheme == "s3" and address.netloc and not (address.query or address.fragment)):
            raise ValueError("must be s3://bucket or s3://bucket/prefix, or unset for files under DATA_DIR")
        return value

    @field_validator("webhook_url")
    @classmethod
    def _webhook(cls, value: str) -> str:
        address = urlsplit(value)
        if value and not (address.scheme in ("http", "https") and address.hostname):
            raise ValueError("must begin with http:// or https://")
        return value

    @model_validator(mode="after")
    def _signed(self) -> Self:
        if bool(self.webhook_url) != (self.webhook_secret is not None):
            raise ValueError("WEBHOOK_URL and WEBHOOK_SECRET, which signs what is sent there, belong together")
        return self

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Self:
        """Read the environment; an invalid value raises ConfigError with a sentence that names the variable."""
        env = os.environ if env is None else env
        for name in env:  # a misspelt name would keep data that should be deleted
            if name.startswith("RETAIN_") and name.lower() not in cls.model_fields:
                known = ", ".join(field.upper() for field in cls.model_fields if field.startswith("retain_"))
                raise ConfigError(f"There is no setting {name}; use one of {known}.")
        given = {name: value for name in cls.model_fields if (value := _value(env, name.upper())) != ""}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            if not first["loc"]:  # it is not about one alone
                raise ConfigError(f"The settings do not fit: {fault(first)}.") from None
            name = str(first["loc"][0]).upper()
            value = "" if name in _MAY_HOLD_SECRETS else f"={env.get(name, '')!r}"
            raise ConfigError(f"The setting {name}{value} is not valid: {fault(first)}.") from None

    @property
    def models_dir(self) -> Path:
        """Where bundles are kept."""
        return self.data_dir / "models"

    @property
    def uploads_dir(self) -> Path:
        """Where images are kept, by content."""
        return self.data_dir / "uploads"

    @property
    def instance_dir(self) -> Path:
        """Where the default database, the embedded Redis and other state of this machine live."""
        return self.data_dir / "instance"

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force."""
        if self.database_url.startswith("postgresql"):
            return _with_password(self.database_url, self.database_password)
        return self.database_url or f"sqlite:///{self.instance_dir / 'fovea.db'}"

    @property
    def embedded_redis(self) -> bool:
        """Whether Fovea starts an embedded Redis."""
        return not self.redis_url

    @property
    def redis_socket(self) -> Path:
        """The embedded Redis' Unix socket; beside the temporary files where the data folder's path is too long."""
        path = self.instance_dir / "redis.sock"
        if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
            return path
        return Path(tempfile.gettempdir()) / _own_name(path) / "redis.sock"

    @property
    def metrics_dir(self) -> Path:
        """Where the web workers count; in memory where Linux has a place for that.

        They map these files, and the kernel kills a process that touches a page for which a full disk has no space.
        """
        return MEMORY / _own_name(self.instance_dir) if os.access(MEMORY, os.W_OK) else self.instance_dir / "metrics"

    @property
    def redis(self) -> str:
        """The Redis URL in force, as redis-py reads it."""
        if self.redis_url.startswith("redis"):
            return _with_password(self.redis_url, self.redis_password)
        return self.redis_url or f"unix://{self.redis_socket}"

    @property
    def broker(self) -> str:
        """The URL of what carries the queues, in Celery's spelling, which differs for Redis on a Unix socket."""
        return self.broker_url or self.redis.replace("unix://", "redis+socket://", 1)

    @property
    def engine_options(self) -> dict[str, object]:
        """What SQLAlchemy is told of the database's connections."""
        if not self.database.startswith("postgresql"):
            return {}
        # The server may have been restarted: a connection is tried before it is used, and waited for in turn.
        return {"pool_pre_ping": True, "pool_size": 5, "max_overflow": 5, "connect_args": {"connect_timeout": 5}}

    def prepare_folders(self) -> None:
        """Create the data folders; ConfigError when one cannot be written."""
        for folder in (self.models_dir, self.uploads_dir, self.instance_dir):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ConfigError(f"The folder {folder} cannot be made ({error.strerror}); set DATA_DIR.") from error
            if not os.access(folder, os.W_OK | os.X_OK):
                raise ConfigError(f"The folder {folder} cannot be written; change its owner or set DATA_DIR.")
        for folder in (self.uploads_dir, self.instance_dir):
            with suppress(PermissionError):  # a shared volume may belong to somebody else
                folder.chmod(0o700)


def _own_name(path: Path) -> str:
    """Return a name in a folder that everybody uses for what belongs to a path of this user."""
    return f"fovea-{os.getuid()}-{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}"


def _value(env: Mapping[str, str], name: str) -> str:
    """Return a variable's value, or what stands in the file that NAME_FILE names; empty where neither is set."""
    value, path = env.get(name, ""), env.get(f"{name}_FILE", "") if name in _MAY_HOLD_SECRETS else ""
    if not path:
        return value
    if value:
        raise ConfigError(f"{name} and {name}_FILE are both set; keep one of them.")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigError(f"The setting {name}_FILE={path!r} is not valid: it cannot be read ({reason}).") from error


def _with_password(url: str, password: SecretStr | None) -> str:
    """Return the URL with the password, unless it has one."""
    address = urlsplit(url)
    if password is None or address.password is not None:
        return url
    host = address.netloc.rpartition("@")[2]
    user = f"{address.username or ''}:{quote(password.get_secret_value(), safe='')}"
    return address._replace(netloc=f"{user}@{host}").geturl()


def _address(value: str, beginnings: tuple[str, ...], otherwise: str) -> str:
    """Return the URL; ValueError where it begins otherwise or its port is no number."""
    if value and not value.startswith(beginnings):
        raise ValueError(otherwise)
    urlsplit(value).port  # noqa: B018 - raises ValueError when it is no number
    return value
