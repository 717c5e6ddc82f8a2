"""The Kubernetes manifests: valid, restricted, and in step with the code."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest
import yaml
from flask import Flask
from sqlalchemy import text

from app.config import CHECKOUT, Settings
from app.services.jobs.queues import QUEUES, ROUTES
from app.store.db import db
from app.supervisor import commands

FOLDER = CHECKOUT / "deploy" / "kubernetes"
OVERLAYS = ("kind", "cloud", "gpu")
SECRETS = {"DATABASE_PASSWORD", "REDIS_PASSWORD", "SECRET_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
AWS = {"AWS_ENDPOINT_URL", "AWS_REGION"}
VERSION = "1.32"
Manifest = dict[str, Any]


def written() -> list[Manifest]:
    """Return what the base's files say, before kustomize."""
    names = yaml.safe_load((FOLDER / "base" / "kustomization.yaml").read_text())["resources"]
    return [each for name in names for each in yaml.safe_load_all((FOLDER / "base" / name).read_text())]


BASE = written()


def of_kind(manifests: list[Manifest], *kinds: str) -> dict[str, Manifest]:
    return {each["metadata"]["name"]: each for each in manifests if each["kind"] in kinds}


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    for name, each in of_kind(manifests, "Deployment", "Job", "StatefulSet").items():
        yield name, each["spec"]["template"]["spec"]


def command(name: str) -> list[str]:
    (container,) = of_kind(BASE, "Deployment")[name]["spec"]["template"]["spec"]["containers"]
    args: list[str] = container["args"]
    return args


def rendered(overlay: str) -> list[Manifest]:
    """Return what kustomize makes of an overlay."""
    if shutil.which("kubectl") is None:
        pytest.skip("No kubectl is installed here.")
    done = subprocess.run(["kubectl", "kustomize", str(FOLDER / "overlays" / overlay)], capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def check(manifests: list[Manifest]) -> None:
    """Let the schemas of Kubernetes judge; KEDA's kinds are not among them."""
    for each in manifests:
        if not each["apiVersion"].startswith("keda.sh/"):
            kubernetes_validate.validate(each, VERSION, strict=True)


def test_the_base_is_what_kubernetes_takes() -> None:
    check(BASE)
    for folder in (FOLDER / "base", *(FOLDER / "overlays" / name for name in OVERLAYS)):
        made = yaml.safe_load((folder / "kustomization.yaml").read_text())
        assert {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"} == {
            name for name in made["resources"] if not name.startswith("../")
        }


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_renders_into_what_kubernetes_takes(overlay: str) -> None:
    manifests = rendered(overlay)
    check(manifests)
    settings = of_kind(manifests, "ConfigMap")["fovea-settings"]["data"]
    assert "example" not in str(settings) or overlay != "kind"
    assert {each["host"] for each in of_kind(manifests, "Ingress")["web"]["spec"]["rules"]} == {
        settings["TRUSTED_HOSTS"]
    }
    deployments = of_kind(manifests, "Deployment")
    assert set(deployments) == set(of_kind(BASE, "Deployment"))
    training = deployments["worker-training"]["spec"]["template"]["spec"]["containers"][0]
    assert ("nvidia.com/gpu" in training["resources"]["limits"]) == (overlay == "gpu")
    if overlay != "kind":
        assert not of_kind(manifests, "Secret")  # nobody's passwords lie in a repository
        (host,) = {
            each["spec"]["triggers"][0]["metadata"]["host"] for each in of_kind(manifests, "ScaledObject").values()
        }
        assert f"@{host}:" in settings["DATABASE_URL"]


def test_a_pod_of_every_overlay_may_reach_its_stores() -> None:
    for name, each in of_kind(rendered("kind"), "Deployment", "Job").items():
        assert each["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/part-of"] == "fovea", name


def test_the_settings_are_those_of_the_code() -> None:
    given = set(of_kind(BASE, "ConfigMap")["fovea-settings"]["data"])
    assert {name.lower() for name in given - AWS} <= set(Settings.model_fields)
    data = of_kind(BASE, "ConfigMap")["fovea-settings"]["data"]
    Settings.from_env(data | {"DATABASE_PASSWORD": "hush", "REDIS_PASSWORD": "hush", "SECRET_KEY": "hush"})
    kind = yaml.safe_load((FOLDER / "overlays" / "kind" / "kustomization.yaml").read_text())["secretGenerator"][0]
    assert {each.partition("=")[0] for each in kind["literals"]} == SECRETS
    assert SECRETS - {name for name in SECRETS if name.startswith("AWS_")} <= {n.upper() for n in Settings.model_fields}


def test_every_role_of_make_run_has_a_deployment() -> None:
    def role(argv: list[str]) -> list[str]:
        return [each for each in argv if each in {"worker", "beat", *QUEUES}]

    names = ["worker-batch", "worker-training", "worker-system", "beat"]
    ours = [list(each.argv) for each in commands.background(Settings())]
    assert sorted(map(role, ours)) == sorted(role(command(name)) for name in names)
    for queue in QUEUES:
        argv = command(f"worker-{queue}")
        assert argv[argv.index("-n") + 1] == f"{queue}@%h"  # whose host the probe looks for
    assert of_kind(BASE, "Deployment")["beat"]["spec"]["replicas"] == 1
    assert of_kind(BASE, "Deployment")["beat"]["spec"]["strategy"] == {"type": "Recreate"}


def test_probes_ports_and_paths_are_those_of_the_application(app: Flask) -> None:
    (web,) = of_kind(BASE, "Deployment")["web"]["spec"]["template"]["spec"]["containers"]
    assert [each["containerPort"] for each in web["ports"]] == [Settings().port]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert app.test_client().get(web[probe]["httpGet"]["path"]).status_code == 200
    for name in QUEUES:
        (worker,) = of_kind(BASE, "Deployment")[f"worker-{name}"]["spec"]["template"]["spec"]["containers"]
        assert worker["livenessProbe"]["exec"]["command"] == ["python3", "-m", "deploy.alive"]
    service = of_kind(BASE, "Service")["web"]["spec"]
    labels = of_kind(BASE, "Deployment")["web"]["spec"]["template"]["metadata"]["labels"]
    assert service["selector"].items() <= labels.items()


@pytest.mark.parametrize(("name", "pod"), list(pods(BASE)))
def test_a_pod_has_no_more_rights_than_it_needs(name: str, pod: Manifest) -> None:
    assert pod["securityContext"]["runAsNonRoot"] is True, name
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    uid = str(pod["securityContext"]["runAsUser"])
    assert f"--uid {uid} " in (CHECKOUT / "Dockerfile").read_text()
    for container in pod["containers"]:
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert {"requests", "limits"} <= set(container["resources"])
        assert {each["mountPath"] for each in container["volumeMounts"]} == {"/data", "/tmp"}  # noqa: S108


@pytest.mark.parametrize("name", ["worker-batch", "worker-training"])
def test_workers_are_counted_by_the_jobs_that_wait_or_run(app: Flask, name: str) -> None:
    scaled = of_kind(BASE, "ScaledObject")[name]
    assert scaled["spec"]["scaleTargetRef"]["name"] in of_kind(BASE, "Deployment")
    assert "replicas" not in of_kind(BASE, "Deployment")[name]["spec"]  # else each apply would undo the scaling
    query = scaled["spec"]["triggers"][0]["metadata"]["query"]
    queue = name.removeprefix("worker-")
    kinds = [kind for kind, route in ROUTES.items() if route.queue == queue]
    assert all(f"'{kind}'" in query for kind in kinds)
    assert app
    assert db.session.execute(text(query)).scalar() == 0
    assert (scaled["spec"]["minReplicaCount"] == 0) == (queue == "training")


def test_a_training_may_end_before_its_pod_does() -> None:
    hours = float(of_kind(BASE, "ConfigMap")["fovea-settings"]["data"]["TRAINING_HOURS"])
    grace = of_kind(BASE, "Deployment")["worker-training"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert grace >= hours * 3600 + 600
