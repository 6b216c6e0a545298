"""`deploy/kubernetes`, as kubectl renders it: Kubernetes takes it, its parts fit together, its pods are confined.

There is no cluster here: that pods start, and that policies are enforced, is not tested. Kinds of other makers are
compared with what their documentation says, in `test_kubernetes_operators.py`.
"""

import functools
import json
import re
from typing import Final

import pytest
from kubernetes_validate.utils import latest_version, validate

from services.cli.run import SERVICES
from shared.broker.consumer import DRAIN_SECONDS
from tests.deploy.dockerfile import instructions
from tests.deploy.manifests import (
    Manifest,
    container,
    each_rendering,
    each_service,
    everything_in,
    of_kind,
    pod_templates,
    rendered,
    selected,
    settings_of,
)

OLDEST: Final = "1.30"  # the first that knows preStop.sleep without being told
VERSIONS: Final = (OLDEST, latest_version())
OTHER_MAKERS: Final = {"keda.sh", "monitoring.coreos.com"}


@pytest.mark.parametrize("version", VERSIONS)
@each_rendering
def test_kubernetes_knows_every_field_and_misses_none(rendering: str, version: str) -> None:
    for manifest in rendered(rendering):
        if manifest["apiVersion"].partition("/")[0] not in OTHER_MAKERS:
            validated(json.dumps(manifest), version)


@each_rendering
def test_everything_is_in_one_namespace_and_nothing_has_the_name_of_another(rendering: str) -> None:
    names = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in rendered(rendering)]
    assert len(names) == len(set(names))
    assert {each["metadata"].get("namespace") for each in rendered(rendering) if each["kind"] != "Namespace"} == {
        "signalpost"
    }


@each_rendering
def test_each_service_has_its_deployment_with_its_command(rendering: str) -> None:
    assert set(of_kind("Deployment", rendering)) == set(SERVICES)
    [entrypoint] = [each.arguments for each in instructions() if each.name == "ENTRYPOINT"]
    assert entrypoint == '["/app/worker"]'
    assert all(container(rendering, service)["command"] == ["/app/worker", service] for service in SERVICES)


@each_rendering
def test_every_selector_selects_exactly_whom_it_is_named_for(rendering: str) -> None:
    for name, deployment in of_kind("Deployment", rendering).items():
        assert selected(deployment["spec"]["selector"], rendering) == {name}
    for name, budget in of_kind("PodDisruptionBudget", rendering).items():
        assert selected(budget["spec"]["selector"], rendering) == {name}
    for name, service in of_kind("Service", rendering).items():
        assert selected({"matchLabels": service["spec"]["selector"]}, rendering) == {name}
    for name, policy in of_kind("NetworkPolicy", rendering).items():
        assert selected(policy["spec"]["podSelector"], rendering), name


@each_rendering
def test_every_name_that_is_referred_to_is_there_or_may_be_missing(rendering: str) -> None:
    references = {"configMapRef": "ConfigMap", "configMap": "ConfigMap", "service": "Service"}
    own = [each for each in rendered(rendering) if each["apiVersion"].partition("/")[0] not in OTHER_MAKERS]
    for key, value in everything_in(own):
        if key in references and not value.get("optional"):
            assert value["name"] in of_kind(references[key], rendering)
        elif key == "serviceAccountName":
            assert value in of_kind("ServiceAccount", rendering)


@each_rendering
@each_service
def test_every_named_port_is_one_of_the_container(rendering: str, service: str) -> None:
    ports = {port["name"] for port in container(rendering, service)["ports"]}
    probes = [value for key, value in everything_in(container(rendering, service)) if key == "httpGet"]
    assert len(probes) == 3
    assert {probe["port"] for probe in probes} <= ports
    for name, each in of_kind("Service", rendering).items():
        assert name != service or {port["targetPort"] for port in each["spec"]["ports"]} <= ports
    for policy in of_kind("NetworkPolicy", rendering).values():
        if service in selected(policy["spec"]["podSelector"], rendering):
            opened = [port for rule in policy["spec"].get("ingress", ()) for port in rule["ports"]]
            assert {port["port"] for port in opened} <= ports


@each_rendering
@each_service
def test_a_port_of_a_container_is_the_one_that_the_setting_names(rendering: str, service: str) -> None:
    settings = settings_of(rendering)
    expected = {"health": settings["HEALTH_PORT"]} | ({"http": settings["API_PORT"]} if service == "api" else {})
    assert {port["name"]: str(port["containerPort"]) for port in container(rendering, service)["ports"]} == expected


@each_rendering
@each_service
def test_a_pod_is_given_more_time_than_its_drain_takes(rendering: str, service: str) -> None:
    before = container(rendering, service)["lifecycle"]["preStop"]["sleep"]["seconds"]
    grace = pod_templates(rendering)[service]["spec"]["terminationGracePeriodSeconds"]
    assert grace >= before + DRAIN_SECONDS + 10


@each_rendering
@each_service
def test_one_pod_of_a_service_can_always_be_evicted_and_one_always_stays(rendering: str, service: str) -> None:
    budget = of_kind("PodDisruptionBudget", rendering)[service]["spec"]
    assert 1 <= budget["maxUnavailable"] < fewest(rendering, service)
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"  # without a broker no pod is ready


@each_rendering
@each_service
def test_an_update_takes_no_pod_away_before_its_successor_is_ready(rendering: str, service: str) -> None:
    assert of_kind("Deployment", rendering)[service]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


@each_rendering
def test_every_pod_is_confined(rendering: str) -> None:
    [namespace] = of_kind("Namespace", rendering).values()
    assert namespace["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "restricted"}
    [user] = {int(each.arguments.partition(":")[0]) for each in instructions() if each.name == "USER"}
    for name, pod in pod_templates(rendering).items():
        spec, only = pod["spec"], container(rendering, name)
        assert spec["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": user,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert only["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert spec["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(spec)
        assert all(mount["readOnly"] for mount in only["volumeMounts"])
        assert all(set(volume) <= {"name", "configMap", "projected"} for volume in spec["volumes"])


@each_rendering
def test_no_pod_is_given_variables_that_kubernetes_makes_from_services(rendering: str) -> None:
    # The Service `api` would set API_PORT to tcp://10.96.0.12:80, and neither api nor mailer would start.
    assert all(pod["spec"]["enableServiceLinks"] is False for pod in pod_templates(rendering).values())


@each_rendering
def test_every_pod_says_what_it_needs_and_is_bounded(rendering: str) -> None:
    for name in pod_templates(rendering):
        resources = container(rendering, name)["resources"]
        assert set(resources["requests"]) == {"cpu", "memory"}
        assert mebibytes(resources["requests"]["memory"]) <= mebibytes(resources["limits"]["memory"])


@each_rendering
@each_service
def test_the_pods_of_a_service_spread_over_zones_and_nodes(rendering: str, service: str) -> None:
    pod = pod_templates(rendering)[service]
    constraints = pod["spec"]["topologySpreadConstraints"]
    assert {each["topologyKey"] for each in constraints} == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
    for constraint in constraints:
        assert service in selected(constraint["labelSelector"], rendering)
        assert constraint["matchLabelKeys"] == ["pod-template-hash"]  # else all services would count as one


def test_the_overlay_names_a_release_and_no_other_image() -> None:
    images = {container("overlays/production", name)["image"] for name in pod_templates("overlays/production")}
    [image] = images
    assert re.fullmatch(r"registry\.example\.com/signalpost:\d+\.\d+\.\d+", image)


@functools.cache  # most objects are the same in every rendering
def validated(manifest: str, version: str) -> None:
    """Compare with the schema of that version of Kubernetes; strict refuses fields that it does not know."""
    validate(json.loads(manifest), version, strict=True)


def fewest(rendering: str, service: str) -> int:
    """The number of pods that a service has at least."""
    spec: Manifest = of_kind("Deployment", rendering)[service]["spec"]
    scaled = of_kind("ScaledObject", rendering)
    count: int = scaled[service]["spec"]["minReplicaCount"] if service in scaled else spec["replicas"]
    assert ("replicas" in spec) is (service not in scaled)  # else each apply would undo the scaling
    return count


def mebibytes(text: str) -> int:
    match = re.fullmatch(r"(\d+)Mi", text)
    assert match is not None
    return int(match[1])
