"""The images and manifests: linted and checked against their schemas. Nothing is built here."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamdet.cli import make_parser

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
DOCKERFILES = sorted(DOCKER.glob("*.Dockerfile"))
BIN = Path(sys.executable).parent
KUBERNETES = "1.34"


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_a_dockerfile_keeps_hadolint_s_rules(path: Path) -> None:
    run(shutil.which("hadolint", path=str(BIN)) or "hadolint", str(path))


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_what_a_dockerfile_copies_is_there_and_not_ignored(path: Path) -> None:
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", path.read_text(), re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    kept = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    assert names == kept
    assert all((ROOT / name).exists() for name in names)


@pytest.mark.parametrize("name", ["compose.yaml", "cluster.yaml"])
def test_a_compose_file_is_of_its_schema(name: str) -> None:
    checker = str(BIN / "check-jsonschema")
    run(checker, "--builtin-schema", "vendor.compose-spec", str(DOCKER / name))


def test_the_manifests_are_of_kubernetes_schemas() -> None:
    checker = str(BIN / "kubernetes-validate")
    run(checker, "--strict", "-k", KUBERNETES, str(DOCKER / "k8s" / "streamdet.yaml"))


def ray_job() -> dict[str, Any]:
    job: dict[str, Any] = yaml.safe_load((DOCKER / "k8s" / "rayjob.yaml").read_text())
    return job


def test_the_pods_of_the_ray_job_are_of_kubernetes_schemas(tmp_path: Path) -> None:
    cluster = ray_job()["spec"]["rayClusterSpec"]
    for number, group in enumerate([cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]):
        pod = {"apiVersion": "v1", "kind": "PodTemplate", "template": group["template"]}
        path = tmp_path / f"{number}.yaml"
        path.write_text(yaml.safe_dump(pod | {"metadata": {"name": "pod"}}))
        run(str(BIN / "kubernetes-validate"), "--strict", "-k", KUBERNETES, str(path))


def archive_commands() -> list[str]:
    """What the Ray job runs, and what the first lines of the compose file tell a user to run."""
    text = (DOCKER / "cluster.yaml").read_text().replace("\\\n#", "")
    (told,) = re.findall(r"exec head +(streamdet .*)$", text, re.MULTILINE)
    return [told, ray_job()["spec"]["entrypoint"]]


@pytest.mark.parametrize("command", archive_commands(), ids=["compose", "rayjob"])
def test_the_archive_commands_are_ones_that_streamdet_has(command: str) -> None:
    arguments = shlex.split(command)[1:]
    args = make_parser(arguments).parse_args(arguments)
    assert (args.command, args.cluster in ("auto", "head:6379")) == ("archive", True)


def commands() -> list[list[str]]:
    compose = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    documents = [*yaml.safe_load_all((DOCKER / "k8s" / "streamdet.yaml").read_text())]
    (deployment,) = (each for each in documents if each["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    services = [compose["services"][name]["command"] for name in ("streamdet", "streamdet-gpu")]
    return [*services, container["args"]]


@pytest.mark.parametrize("command", commands(), ids=["compose", "compose-gpu", "k8s"])
def test_the_commands_are_ones_that_streamdet_has(command: list[str]) -> None:
    args = make_parser(command).parse_args(command)
    assert (args.command, args.listen) == ("serve", "0.0.0.0:8080")
