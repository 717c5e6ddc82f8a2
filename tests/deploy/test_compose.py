from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from conftest import free_port
from prometheus_client import REGISTRY
from redis import AuthenticationError, Redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from app.config import CHECKOUT, Settings
from app.services.jobs.queues import QUEUES
from app.supervisor import commands
from app.supervisor.checks import find_redis_server

COMPOSE = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
AWS = ["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"]
# The image says where it keeps data and listens; the password of each URL is a file.
FIXED = {"host", "port", "data_dir"}
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
STORES = {name: service for name, service in SERVICES.items() if "stores" in service.get("profiles", [])}
PASSWORDS = {"shared-redis": "redis_password", "postgres": "database_password", "s3": "storage_password"}


def after(argv: list[str], option: str) -> str:
    return argv[argv.index(option) + 1]


def test_the_file_is_what_the_compose_specification_allows() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"]
    done = subprocess.run(check, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_queue_has_one_worker_with_a_probe() -> None:
    workers = [service for service in OURS.values() if "worker" in service["command"]]
    assert sorted(after(worker["command"], "-Q") for worker in workers) == sorted(QUEUES)
    for worker in workers:
        assert (
            after(worker["command"], "-n") == f"{after(worker['command'], '-Q')}@%h"
        )  # whose host the probe looks for
        assert worker["healthcheck"]["test"][1:] == ["python3", "-m", "deploy.alive"]


def test_make_run_and_compose_start_the_same_roles() -> None:
    def roles(argvs: list[list[str]]) -> list[list[str]]:
        return sorted([each for each in argv if each in {"gunicorn", "worker", "beat", *QUEUES}] for argv in argvs)

    ours = [
        list(each.argv) for each in [commands.web(), *commands.background(Settings())]
    ]  # a container prepares itself
    assert roles(ours) == roles([service["command"] for service in OURS.values()])


@pytest.mark.parametrize("name", OURS)
def test_a_service_waits_for_what_it_needs(name: str) -> None:
    needs = OURS[name]["depends_on"]
    assert needs["redis"] == {"condition": "service_healthy"}
    for store in ("postgres", "s3"):  # where its profile starts it
        assert needs[store] == {"condition": "service_healthy", "required": False}
    assert set(needs) <= set(SERVICES)
    assert all(SERVICES[each]["healthcheck"]["test"] for each in needs)


def test_what_compose_sets_are_all_settings_and_nothing_else() -> None:
    for service in OURS.values():
        given = set(service["environment"]) - {*AWS, "AWS_SECRET_ACCESS_KEY_FILE"}
        assert {name.removesuffix("_FILE").lower() for name in given} == set(Settings.model_fields) - FIXED
        assert [service["environment"][name] for name in AWS] == [None] * len(AWS)  # empty is not as good as unset


def test_what_is_mounted_is_declared_and_the_users_folders_are_read_only() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = (
                volume.partition(":")[0] if not volume.startswith("${") else volume.partition(":-")[2].split("}")[0]
            )
            assert source in {*COMPOSE["volumes"], "/tmp"} or (CHECKOUT / source).exists()  # noqa: S108
        assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
    for service in OURS.values():
        for name in ("WEIGHTS_DIR", "CLASSIFIERS_DIR"):
            (mount,) = (each for each in service["volumes"] if each.startswith(f"${{{name}"))
            assert mount.endswith(f":{service['environment'][name]}:ro")


def test_each_secret_is_a_file_that_the_script_makes() -> None:
    for service in SERVICES.values():
        for name, value in (service.get("environment") or {}).items():
            if name.endswith("_FILE") and str(value).startswith("/"):
                assert value.removeprefix("/run/secrets/") in service["secrets"]
    made = (CHECKOUT / "deploy" / "secrets.sh").read_text().partition("for name in ")[2].partition(";")[0].split()
    assert set(made) == set(COMPOSE["secrets"])
    assert "/secrets/" in (CHECKOUT / ".gitignore").read_text().splitlines()


def test_any_number_of_web_servers_stands_behind_the_one_that_publishes_a_port() -> None:
    assert "ports" not in SERVICES["web"]
    assert "container_name" not in SERVICES["web"]
    assert SERVICES["nginx"]["depends_on"] == {"web": {"condition": "service_healthy"}}
    (port,) = SERVICES["nginx"]["ports"]
    config = (CHECKOUT / "deploy" / "nginx" / "compose.conf").read_text()
    assert f"listen {port.rpartition(':')[2]};" in config
    assert f"server web:{SERVICES['web']['expose'][0]} resolve " in config
    assert OURS["web"]["environment"]["TRUSTED_PROXIES"] == "${TRUSTED_PROXIES:-1}"


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_limits_and_no_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert set(service["deploy"]["resources"]["limits"]) >= {"cpus", "memory"}
    assert service["healthcheck"]
    if name not in ("postgres", "s3"):  # their images begin as root and step down
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    if name in OURS:
        assert service["read_only"] is True
        assert "/tmp" in service["volumes"]  # noqa: S108 - a volume's place


def test_what_several_hosts_share_is_started_on_demand_alone_and_never_without_a_password() -> None:
    assert set(STORES) == set(PASSWORDS)
    for name, service in STORES.items():
        assert service["secrets"] == [PASSWORDS[name]]
        assert all(port.startswith("${STORES_HOST:-127.0.0.1}:") for port in service["ports"])
        assert service["healthcheck"]["test"]
        waiting = [other["depends_on"][name] for other in SERVICES.values() if name in other.get("depends_on", {})]
        assert all(each["required"] is False for each in waiting)
    for name, word in (("redis", "command"), ("shared-redis", "command"), ("s3", "entrypoint")):
        # PostgreSQL refuses an empty password by itself.
        assert SERVICES[name][word][-1].startswith(f"test -s /run/secrets/{PASSWORDS.get(name, 'redis_password')} && ")


def test_the_documented_addresses_are_those_of_the_stores() -> None:
    page = (CHECKOUT / "docs" / "deployment.md").read_text()
    block = next(each for each in page.split("```") if each.startswith("sh\nREDIS_URL="))
    env = dict(line.split("=", 1) for line in block.splitlines()[1:])
    settings, s3 = Settings.from_env(env), STORES["s3"]
    urls = [settings.redis, settings.database, env["AWS_ENDPOINT_URL"]]
    published = {port.rpartition(":")[2] for service in STORES.values() for port in service["ports"]}
    assert {str(urlsplit(url).port) for url in urls} == published
    assert {urlsplit(url).hostname for url in urls} == {"stores"}
    assert s3["environment"]["MINIO_ROOT_USER"] == env["AWS_ACCESS_KEY_ID"]
    assert f"/data/{settings.storage_url.removeprefix('s3://')} " in s3["entrypoint"][-1]
    database, postgres = urlsplit(settings.database), STORES["postgres"]["environment"]
    assert (database.username, database.path) == (postgres["POSTGRES_USER"], f"/{postgres['POSTGRES_DB']}")


def test_the_image_holds_what_the_services_run() -> None:
    kept = {line[1:] for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    wanted = {"app", "worker", "deploy/*.py", "wsgi.py", "templates", "static", "models", "migrations"}
    assert wanted | {"requirements.txt", "requirements-web.txt"} <= kept
    for path in kept:
        assert list(CHECKOUT.glob(path))


def test_the_dashboard_of_grafana_asks_for_figures_that_there_are() -> None:
    from app.web import metrics  # noqa: F401, PLC0415 - registers them

    known = {sample for family in REGISTRY.collect() for sample in (family.name, f"{family.name}_total",
                                                                    f"{family.name}_bucket")}  # fmt: skip
    dashboard = json.loads((CHECKOUT / "deploy" / "grafana" / "dashboards" / "fovea.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    for expression in asked:
        (name,) = {word for word in expression.replace("{", "(").replace("[", "(").split("(") if word[:6] == "fovea_"}
        assert name in known
    scraped = yaml.safe_load((CHECKOUT / "deploy" / "prometheus" / "prometheus.yml").read_text())["scrape_configs"][0]
    assert scraped["dns_sd_configs"][0]["names"] == ["web"]
    assert [str(scraped["dns_sd_configs"][0]["port"])] == SERVICES["web"]["expose"]


def test_redis_takes_its_password_from_the_secret(tmp_path: Path) -> None:
    (tmp_path / "redis_password").write_text("hush")
    port = free_port()
    script = SERVICES["redis"]["command"][-1].replace("/run/secrets", str(tmp_path)).replace("/data", str(tmp_path))
    script = script.replace("redis-server - ", f"{find_redis_server()} - --bind 127.0.0.1 --port {port} ")
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.DEVNULL) as process:
        with Redis(port=port, password="hush", retry=Retry(ConstantBackoff(0.2), 100)) as redis:  # noqa: S106
            assert redis.ping()
        with Redis(port=port) as stranger, pytest.raises(AuthenticationError):
            stranger.ping()
        process.terminate()
