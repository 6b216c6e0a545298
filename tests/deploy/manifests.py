"""Renders `deploy/kubernetes` with kubectl: the base, each overlay, and each component alone on the base.

Only reads; what the manifests must say is the tests' business.
"""

import functools
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.cli.run import SERVICES

DEPLOY = Path(__file__).parents[2] / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
OVERLAYS = sorted(f"overlays/{folder.name}" for folder in (KUBERNETES / "overlays").iterdir())
COMPONENTS = sorted(f"components/{folder.name}" for folder in (KUBERNETES / "components").iterdir())
RENDERINGS = ["base", *OVERLAYS, *COMPONENTS]

Manifest = dict[str, Any]
Labels = Mapping[str, str]

each_rendering = pytest.mark.parametrize("rendering", RENDERINGS)
each_service = pytest.mark.parametrize("service", SERVICES)

_ONE_COMPONENT = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: signalpost
resources: [../../base]
components: [../../{component}]
"""


@functools.cache
def rendered(rendering: str) -> tuple[Manifest, ...]:
    """All objects of one of `RENDERINGS`."""
    if rendering not in COMPONENTS:
        return _render(KUBERNETES / rendering)
    with tempfile.TemporaryDirectory() as copy:
        shutil.copytree(DEPLOY / "rabbitmq", Path(copy) / "rabbitmq")
        shutil.copytree(KUBERNETES, Path(copy) / "kubernetes")
        overlay = Path(copy) / "kubernetes" / "overlays" / "one-component"
        overlay.mkdir()
        (overlay / "kustomization.yaml").write_text(_ONE_COMPONENT.format(component=rendering))
        return _render(overlay)


def of_kind(kind: str, rendering: str) -> dict[str, Manifest]:
    """The objects of this kind, by name."""
    return {each["metadata"]["name"]: each for each in rendered(rendering) if each["kind"] == kind}


def pod_templates(rendering: str) -> dict[str, Manifest]:
    """What pods are made from, by the name of the Deployment or Job that makes them."""
    makers = of_kind("Deployment", rendering) | of_kind("Job", rendering)
    return {name: maker["spec"]["template"] for name, maker in makers.items()}


def container(rendering: str, name: str) -> Manifest:
    """The one container of a Deployment's or Job's pods."""
    [only] = pod_templates(rendering)[name]["spec"]["containers"]
    found: Manifest = only
    return found


def settings_of(rendering: str) -> dict[str, str]:
    """What the ConfigMap gives to all services."""
    [name] = [name for name in of_kind("ConfigMap", rendering) if name.startswith("settings-")]
    data: dict[str, str] = of_kind("ConfigMap", rendering)[name]["data"]
    return data


def secret_references(rendering: str, name: str) -> dict[str, Manifest]:
    """Which variables a container takes from Secrets, and from where: `name`, `key`, and perhaps `optional`."""
    variables = container(rendering, name)["env"]
    return {each["name"]: each["valueFrom"]["secretKeyRef"] for each in variables if "valueFrom" in each}


def selected(selector: Manifest, rendering: str) -> set[str]:
    """Whose pods a selector (of a workload, policy or budget) selects; the empty one selects all."""
    return {name for name, pod in pod_templates(rendering).items() if matches(selector, pod["metadata"]["labels"])}


def matches(selector: Manifest, labels: Labels) -> bool:
    """Whether a selector selects what has these labels; of expressions it knows `In`."""
    expressions = selector.get("matchExpressions", [])
    assert all(expression["operator"] == "In" for expression in expressions)
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(expression["key"]) in expression["values"] for expression in expressions
    )


def everything_in(node: Any) -> Iterator[tuple[str, Any]]:
    """Each key with its value, at any depth."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield key, value
            yield from everything_in(value)
    elif isinstance(node, list | tuple):
        for item in node:
            yield from everything_in(item)


def _render(folder: Path) -> tuple[Manifest, ...]:
    kubectl = Path(sysconfig.get_path("scripts")) / "kubectl"
    done = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr  # it warns of what a later version refuses
    return tuple(yaml.safe_load_all(done.stdout))
