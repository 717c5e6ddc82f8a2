from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.config import CHECKOUT, SOCKET_PATH_LIMIT, Settings
from app.errors import ConfigError

BAD = [
    ("PORT", "lots"),
    ("PORT", "0"),
    ("PORT", "65536"),
    ("WEB_CONCURRENCY", "0"),
    ("WEB_CONCURRENCY", "many"),
    ("DATA_DIR", "~nobody-of-that-name/fovea"),
    ("DATABASE_URL", "fovea.db"),
    ("DATABASE_URL", "oracle9://user@host/base"),
    ("REDIS_URL", "localhost:6379"),
    ("REDIS_URL", "redis://localhost:door/0"),
    ("BROKER_URL", "redis://localhost:6379/0"),
    ("BROKER_URL", "amqp://localhost:door//"),
    ("STORAGE_URL", "gs://bucket/prefix"),
    ("STORAGE_URL", "s3:///prefix"),
    ("STORAGE_URL", "s3://bucket?region=eu"),
    ("DATABASE_URL", "postgres://host/base"),
    ("DATABASE_URL", "sqlite://"),
    ("DATABASE_URL", "postgresql://host"),
    ("WEIGHTS_DIR", "/nowhere/weights"),
    ("CLASSIFIERS_DIR", "/nowhere/classifiers"),
    ("TRUSTED_PROXIES", "-1"),
    ("MAX_UPLOAD_MB", "0"),
    ("MAX_UPLOAD_MB", "16 MB"),
    ("AUTH", "password"),
    ("TRUSTED_HOSTS", "https://fovea.example"),
    ("TRUSTED_HOSTS", "fovea.example:8000"),
    ("ACCESS_LOG", "yes"),
    ("RETAIN_PREDICTIONS_DAYS", "0"),
    ("RETAIN_IMAGES_MB", "1 GB"),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_value_is_refused_by_the_name_of_its_variable(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.from_env({name: value})
    sentence = str(caught.value)
    assert sentence.startswith(f"The setting {name}")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "Input should" not in sentence
    assert "Value error" not in sentence


def test_a_rule_of_retention_that_there_is_not_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"no setting RETAIN_PREDICTION_DAYS; use one of RETAIN_PREDICTIONS_DAYS, "):
        Settings.from_env({"RETAIN_PREDICTION_DAYS": "30"})


@pytest.mark.parametrize("url", ["mysql+nothing://fovea:hush@host/base", "redis://:hush@host:door"])
def test_a_refusal_keeps_passwords_to_itself(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.from_env({"REDIS_URL" if url.startswith("redis") else "DATABASE_URL": url})
    assert "hush" not in str(caught.value)


def test_good_values_are_read(tmp_path: Path) -> None:
    env = {
        "HOST": "0.0.0.0",  # noqa: S104 - the setting that containers use
        "PORT": "9000",
        "WEB_CONCURRENCY": "3",
        "DATA_DIR": str(tmp_path / "data"),
        "DATABASE_URL": f"sqlite:///{tmp_path}/own.db",
        "REDIS_URL": "redis://localhost:6379/2",
        "WEIGHTS_DIR": str(tmp_path),
        "CLASSIFIERS_DIR": str(tmp_path),
        "MAX_UPLOAD_MB": "32",
        "AUTH": "keys",
        "SECRET_KEY": "hush",
        "UNRELATED": "ignored",
    }
    settings = Settings.from_env(env)
    assert (settings.port, settings.web_concurrency, settings.max_upload_mb, settings.auth) == (9000, 3, 32, "keys")
    assert settings.redis == env["REDIS_URL"]
    assert not settings.embedded_redis
    assert settings.database == env["DATABASE_URL"]
    assert settings.models_dir == tmp_path / "data" / "models"
    assert "hush" not in repr(settings)


def test_nothing_set_means_the_defaults_and_an_empty_value_is_unset() -> None:
    settings = Settings.from_env({"PORT": "", "REDIS_URL": "", "WEIGHTS_DIR": ""})
    assert settings == Settings()
    assert (settings.host, settings.port, settings.data_dir) == ("127.0.0.1", 8000, CHECKOUT)
    assert settings.embedded_redis
    assert settings.database == f"sqlite:///{CHECKOUT}/instance/fovea.db"


@pytest.mark.parametrize("depth", [1, 12])
def test_the_socket_path_fits_however_deep_the_data_folder(tmp_path: Path, depth: int) -> None:
    settings = Settings(data_dir=tmp_path.joinpath(*["folder-of-a-user"] * depth))
    assert len(os.fsencode(settings.redis_socket)) <= SOCKET_PATH_LIMIT
    assert settings.redis == f"unix://{settings.redis_socket}"
    assert settings.redis_socket != Settings(data_dir=tmp_path / "other").redis_socket


def test_each_data_folder_has_a_place_of_its_own_to_count(tmp_path: Path) -> None:
    first, second = (Settings(data_dir=tmp_path / name).metrics_dir for name in ("a", "b"))
    assert first != second
    assert first == Settings(data_dir=tmp_path / "a").metrics_dir
    assert first.parent == Path("/dev/shm") or first.is_relative_to(tmp_path)  # noqa: S108 - only named here


def test_folders_are_made_and_one_that_cannot_be_is_named(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    settings.prepare_folders()
    assert {path.name for path in settings.data_dir.iterdir()} == {"models", "uploads", "instance"}
    assert [folder.stat().st_mode & 0o777 for folder in (settings.uploads_dir, settings.instance_dir)] == [0o700] * 2
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match="DATA_DIR"):
        Settings(data_dir=tmp_path / "file").prepare_folders()


def test_every_setting_is_documented() -> None:
    documented = (CHECKOUT / "docs" / "settings.md").read_text()
    assert [name for name in Settings.model_fields if f"`{name.upper()}`" not in documented] == []


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"WEBHOOK_URL": "https://hooks.example/1"}, "belong together"),
        ({"WEBHOOK_SECRET": "0123456789abcdef"}, "belong together"),
        ({"WEBHOOK_URL": "hooks.example", "WEBHOOK_SECRET": "0123456789abcdef"}, "WEBHOOK_URL is not valid"),
        ({"WEBHOOK_URL": "https://hooks.example/1", "WEBHOOK_SECRET": "short"}, "WEBHOOK_SECRET is not valid"),
    ],
)
def test_half_a_webhook_stops_the_start(env: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as caught:
        Settings.from_env(env)
    assert "short" not in str(caught.value).replace("should", "")


def test_a_secret_may_be_in_a_file_and_a_password_apart_from_its_url(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p@ss/word\n")
    env = {
        "DATABASE_URL": "postgresql://fovea@stores:5432/fovea",
        "DATABASE_PASSWORD_FILE": str(tmp_path / "password"),
        "REDIS_URL": "redis://redis:6379/0",
        "REDIS_PASSWORD_FILE": str(tmp_path / "password"),
        "SECRET_KEY_FILE": str(tmp_path / "password"),
    }
    settings = Settings.from_env(env)
    assert settings.database == "postgresql://fovea:p%40ss%2Fword@stores:5432/fovea"
    assert settings.redis == settings.broker == "redis://:p%40ss%2Fword@redis:6379/0"
    assert settings.secret_key is not None
    assert settings.secret_key.get_secret_value() == "p@ss/word"
    assert "p@ss" not in repr(settings)
    whole = Settings.from_env(env | {"REDIS_URL": "redis://:own@redis:6379/0"})
    assert whole.redis == "redis://:own@redis:6379/0"
    assert Settings.from_env(env | {"DATABASE_URL": "", "REDIS_URL": ""}).embedded_redis


def test_a_secret_in_a_file_that_cannot_be_read_or_in_two_places_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"SECRET_KEY_FILE='/nowhere' is not valid: it cannot be read \(No such file"):
        Settings.from_env({"SECRET_KEY_FILE": "/nowhere"})
    (tmp_path / "key").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(ConfigError, match="it is no text"):
        Settings.from_env({"SECRET_KEY_FILE": str(tmp_path / "key")})
    with pytest.raises(ConfigError, match="SECRET_KEY and SECRET_KEY_FILE are both set"):
        Settings.from_env({"SECRET_KEY": "hush", "SECRET_KEY_FILE": str(tmp_path / "key")})
