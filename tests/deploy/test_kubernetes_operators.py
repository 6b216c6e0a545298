"""What KEDA, Prometheus and the operators of RabbitMQ and MongoDB are told.

No package carries the schemas of their kinds, so this is what their documentation asks for, and that it fits our own
manifests and topology; it would not notice every misspelt field.
"""

from typing import Final

import pytest
import yaml
from kubernetes_validate.utils import latest_version, validate

from deploy.prometheus_rule import ALERTS
from deploy.rabbitmq.users import users
from services.cli.run import SERVICES
from tests.deploy.manifests import (
    DEPLOY,
    KUBERNETES,
    Manifest,
    container,
    matches,
    of_kind,
    rendered,
    secret_references,
    selected,
)

QUEUES: Final = {
    "dispatcher": "events.to_dispatch",
    "webhook": "notifications.to_send.webhook",
    "mailer": "notifications.to_send.email",
}
SCALED: Final = ("components/keda", "overlays/production")
MONITORED: Final = ("components/monitoring", "overlays/production")


def documents() -> list[Manifest]:
    """All objects of the examples."""
    files = sorted((KUBERNETES / "examples").iterdir())
    return [document for file in files for document in yaml.safe_load_all(file.read_text())]


def server(kind: str) -> Manifest:
    """The one object of an operator's kind."""
    [found] = [each for each in documents() if each["kind"] == kind]
    return found


def pod_labels(kind: str) -> dict[str, str]:
    """What an operator puts on the pods of the example."""
    name = server(kind)["metadata"]["name"]
    if kind == "MongoDBCommunity":
        return {"app": f"{name}-svc"}
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/component": "rabbitmq"}


@pytest.mark.parametrize("rendering", SCALED)
def test_every_consumer_is_scaled_by_the_queue_that_it_takes_from(rendering: str) -> None:
    scaled = of_kind("ScaledObject", rendering)
    assert set(scaled) == set(QUEUES) == set(SERVICES) - {"api"}
    for name, each in scaled.items():
        assert each["apiVersion"] == "keda.sh/v1alpha1"
        assert each["spec"]["scaleTargetRef"] == {"name": name}
        [trigger] = each["spec"]["triggers"]
        assert trigger["type"] == "rabbitmq"
        assert trigger["metadata"] | {"value": None} == {
            "protocol": "amqp",
            "queueName": QUEUES[name],
            "mode": "QueueLength",
            "value": None,
        }
        assert all(isinstance(value, str) for value in trigger["metadata"].values())  # a map of texts: "500", not 500
        assert int(trigger["metadata"]["value"]) > 0
        assert 1 < each["spec"]["minReplicaCount"] < each["spec"]["maxReplicaCount"]


@pytest.mark.parametrize("rendering", SCALED)
def test_the_scaler_logs_in_with_the_url_of_the_consumer_itself(rendering: str) -> None:
    for name, each in of_kind("ScaledObject", rendering).items():
        [trigger] = each["spec"]["triggers"]
        login = of_kind("TriggerAuthentication", rendering)[trigger["authenticationRef"]["name"]]
        assert login["apiVersion"] == "keda.sh/v1alpha1"
        expected = {"parameter": "host"} | secret_references(rendering, name)["AMQP_URL"]
        assert login["spec"] == {"secretTargetRef": [expected]}


def test_the_queues_that_scale_are_the_ones_that_their_consumer_may_read() -> None:
    consumes = {user.name: user.consumes for user in users()}
    assert all(queue in consumes[name] for name, queue in QUEUES.items())


@pytest.mark.parametrize("rendering", MONITORED)
def test_prometheus_reads_every_service_where_it_answers(rendering: str) -> None:
    monitor = of_kind("PodMonitor", rendering)["signalpost"]
    assert set(SERVICES) <= selected(monitor["spec"]["selector"], rendering)
    [endpoint] = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint["path"] == "/metrics"
    for service in SERVICES:
        assert endpoint["port"] in {port["name"] for port in container(rendering, service)["ports"]}


@pytest.mark.parametrize("rendering", MONITORED)
def test_prometheus_asks_the_same_jobs_for_the_same_as_in_compose(rendering: str) -> None:
    config = yaml.safe_load((DEPLOY / "observability" / "prometheus" / "prometheus.yml").read_text())
    expected = {
        job["job_name"]: (job.get("metrics_path", "/metrics"), job.get("params"))
        for job in config["scrape_configs"]
        if job["job_name"] not in ("otel-collector", "prometheus")
    }
    found = {}
    for monitor in of_kind("PodMonitor", rendering).values():
        assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
        for endpoint in monitor["spec"]["podMetricsEndpoints"]:
            [relabeling] = endpoint["relabelings"]
            assert relabeling["targetLabel"] == "job"
            found[relabeling["replacement"]] = (endpoint["path"], endpoint.get("params"))
    assert found == expected


def test_prometheus_finds_the_broker_of_the_example() -> None:
    metadata = server("RabbitmqCluster")["metadata"]
    monitor = of_kind("PodMonitor", "components/monitoring")["rabbitmq"]["spec"]
    assert monitor["namespaceSelector"] == {"matchNames": [metadata["namespace"]]}
    assert matches(monitor["selector"], pod_labels("RabbitmqCluster"))
    names = {endpoint["tlsConfig"]["serverName"] for endpoint in monitor["podMetricsEndpoints"]}
    assert names == {f"{metadata['name']}.{metadata['namespace']}.svc"}


@pytest.mark.parametrize("rendering", MONITORED)
def test_the_alerts_are_the_ones_that_are_tested(rendering: str) -> None:
    [rule] = of_kind("PrometheusRule", rendering).values()
    assert rule["apiVersion"] == "monitoring.coreos.com/v1"
    assert rule["spec"] == yaml.safe_load(ALERTS.read_text()), "renew it: see deploy/prometheus_rule.py"


@pytest.mark.parametrize("kind", ["RabbitmqCluster", "MongoDBCommunity"])
def test_the_services_may_reach_the_servers_of_the_examples(kind: str) -> None:
    metadata = server(kind)["metadata"]
    labels = pod_labels(kind)
    every = of_kind("NetworkPolicy", "base")["services-to-broker-and-database"]["spec"]["egress"]
    peers = [peer for rule in every for peer in rule["to"] if matches(peer["podSelector"], labels)]
    [peer] = peers
    assert peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] == metadata["namespace"]


def test_the_set_up_asks_the_broker_of_the_example_where_it_listens() -> None:
    broker = server("RabbitmqCluster")
    variables = {
        each["name"]: each.get("value") for each in container("components/provision", "provision-broker")["env"]
    }
    host = f"{broker['metadata']['name']}.{broker['metadata']['namespace']}.svc"
    assert broker["spec"]["tls"]["disableNonTLSListeners"] is True
    assert variables["RABBITMQ_MANAGEMENT_URL"] == f"https://{host}:15671"


def test_the_broker_of_the_example_keeps_a_majority_without_one_node_and_its_memory_is_really_there() -> None:
    spec = server("RabbitmqCluster")["spec"]
    assert spec["replicas"] == 3
    assert spec["resources"]["limits"] == spec["resources"]["requests"]
    lines = [line for line in spec["rabbitmq"]["additionalConfig"].splitlines() if not line.startswith("#")]
    settings = dict(line.split(" = ") for line in lines)
    assert settings["quorum_queue.continuous_membership_reconciliation.target_group_size"] == str(spec["replicas"])
    assert int(settings["consumer_timeout"]) >= 1_800_000
    assert 0 < float(settings["vm_memory_high_watermark.relative"]) < 1
    assert settings["disk_free_limit.absolute"] == "6GB"


def test_the_database_of_the_example_is_a_replica_set_whose_user_may_write_there_and_nowhere_else() -> None:
    spec = server("MongoDBCommunity")["spec"]
    assert (spec["type"], spec["members"]) == ("ReplicaSet", 3)
    [user] = spec["users"]
    assert user["roles"] == [{"name": "readWrite", "db": "signalpost"}]
    assert set(user["passwordSecretRef"]) == {"name"}


def test_kubernetes_takes_what_of_the_examples_is_its_own() -> None:
    own = [each for each in documents() if each["kind"] not in ("RabbitmqCluster", "MongoDBCommunity")]
    assert {each["kind"] for each in own} == {"Namespace", "PodDisruptionBudget"}
    for each in own:
        validate(each, latest_version(), strict=True)


def test_nothing_of_another_maker_is_in_the_base() -> None:
    assert all("." not in each["apiVersion"] or "k8s.io" in each["apiVersion"] for each in rendered("base"))
