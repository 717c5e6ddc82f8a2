from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from app.config import CHECKOUT, Settings
from app.services.jobs.queues import QUEUES
from app.supervisor import commands

COMPOSE = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
AWS = ["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}


STORES = {name: service for name, service in SERVICES.items() if service.get("profiles") == ["stores"]}


def after(argv: list[str], option: str) -> str:
    return argv[argv.index(option) + 1]


def test_every_queue_has_one_worker_with_a_probe() -> None:
    workers = [service for service in OURS.values() if "worker" in service["command"]]
    assert sorted(after(worker["command"], "-Q") for worker in workers) == sorted(QUEUES)
    for worker in workers:
        node = after(worker["command"], "-n").removesuffix("%h")
        assert f"-d {node}$$HOSTNAME" in worker["healthcheck"]["test"][1]


def test_make_run_and_compose_start_the_same_roles() -> None:
    def roles(argvs: list[list[str]]) -> list[list[str]]:
        return sorted([each for each in argv if each in {"gunicorn", "worker", "beat", *QUEUES}] for argv in argvs)

    ours = [list(each.argv) for each in [commands.prepare(), commands.web(), *commands.background(Settings())]]
    assert roles(ours) == roles([service["command"] for service in OURS.values()])


@pytest.mark.parametrize("name", OURS)
def test_a_service_waits_for_what_it_needs(name: str) -> None:
    needs = OURS[name]["depends_on"]
    assert needs["redis"] == {"condition": "service_healthy"}
    if name != "init":
        assert needs["init"] == {"condition": "service_completed_successfully"}
    assert set(needs) <= set(SERVICES)


def test_what_compose_sets_are_settings() -> None:
    for service in OURS.values():
        given = {name.lower() for name in service["environment"]}
        assert given - {name.lower() for name in AWS} <= set(Settings.model_fields)
        assert [service["environment"][name] for name in AWS] == [None] * len(AWS)  # empty is not as good as unset
        assert {volume.split(":")[0] for volume in service["volumes"]} <= set(COMPOSE["volumes"])


def test_what_several_hosts_share_is_started_on_demand_alone_and_never_without_a_password() -> None:
    assert set(STORES) == {"shared-redis", "postgres", "s3"}
    for name, service in STORES.items():
        assert [value for value in service["environment"].values() if "STORES_PASSWORD" in value] == [
            "${STORES_PASSWORD:-}"
        ]
        assert all(port.startswith("${STORES_HOST:-127.0.0.1}:") for port in service["ports"])
        assert {volume.split(":")[0] for volume in service["volumes"]} <= set(COMPOSE["volumes"])
        assert service["healthcheck"]["test"]
        assert not any(name in other.get("depends_on", {}) for other in SERVICES.values())
    for name, word in (("shared-redis", "command"), ("s3", "entrypoint")):  # PostgreSQL refuses an empty one by itself
        assert STORES[name][word][-1].startswith('test -n "$$')


def test_the_documented_addresses_are_those_of_the_stores() -> None:
    page = (CHECKOUT / "docs" / "deployment.md").read_text()
    block = next(each for each in page.split("```") if each.startswith("sh\nREDIS_URL="))
    env = dict(line.split("=", 1) for line in block.splitlines()[1:])
    settings, s3 = Settings.from_env(env), STORES["s3"]
    urls = [settings.redis, settings.database, env["AWS_ENDPOINT_URL"]]
    published = {port.rpartition(":")[2] for service in STORES.values() for port in service["ports"]}
    assert {str(urlsplit(url).port) for url in urls} == published
    assert {urlsplit(url).hostname for url in urls} == {"stores"}
    assert (s3["environment"]["MINIO_ROOT_USER"], env["AWS_SECRET_ACCESS_KEY"]) == (
        env["AWS_ACCESS_KEY_ID"],
        "password",
    )
    assert f"/data/{settings.storage_url.removeprefix('s3://')} " in s3["entrypoint"][-1]
    database, postgres = urlsplit(settings.database), STORES["postgres"]["environment"]
    assert (database.username, database.path) == (postgres["POSTGRES_USER"], f"/{postgres['POSTGRES_DB']}")


def test_the_image_holds_what_the_services_run() -> None:
    kept = {line[1:] for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {"app", "worker", "deploy", "wsgi.py", "templates", "static", "models", "requirements.txt"} <= kept
    for path in kept:
        assert (CHECKOUT / path).exists()
