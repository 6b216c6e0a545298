"""Who may talk to whom: nothing but what is listed here, and webhooks leave only for where the code lets them go."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.outbound.addresses import GLOBAL_UNICAST_IPV6, REFUSED_IPV4, REFUSED_IPV6, Address, Network, is_public
from tests.deploy.manifests import Manifest, each_rendering, of_kind, selected, settings_of

DENY: Final = "default-deny"
EVERYBODY: Final = {DENY, "all-to-dns"}
SERVICE: Final = EVERYBODY | {"services-to-broker-and-database"}
EXPECTED: Final = {
    "api": SERVICE | {"callers-to-api"},
    "dispatcher": SERVICE,
    "webhook": SERVICE | {"webhook-to-receivers"},
    "mailer": SERVICE | {"mailer-to-smtp"},
}
"""The policies of the base that let a service's pods do something."""
ADDED: Final[dict[str, dict[str, set[str]]]] = {
    "components/monitoring": {service: {"prometheus-to-metrics"} for service in EXPECTED},
    "components/provision": {"provision-broker": EVERYBODY | {"provision-to-broker-management"}},
}
ADDED["overlays/production"] = {service: {"prometheus-to-metrics"} for service in (*EXPECTED, "provision-broker")} | {
    "api": {"prometheus-to-metrics", "api-to-identity-provider"}
}
DATA: Final = {"kubernetes.io/metadata.name": "signalpost-data"}


def policies(rendering: str, pods: str) -> dict[str, Manifest]:
    """The policies for the pods of a Deployment or Job, by name."""
    every = of_kind("NetworkPolicy", rendering).items()
    return {name: each["spec"] for name, each in every if pods in selected(each["spec"]["podSelector"], rendering)}


@each_rendering
def test_a_pod_may_do_what_is_listed_and_nothing_else(rendering: str) -> None:
    added = ADDED.get(rendering, {})
    for service, expected in EXPECTED.items():
        assert set(policies(rendering, service)) == expected | added.get(service, set())
    if rendering in ("components/provision", "overlays/production"):
        setup = ADDED["components/provision"]["provision-broker"] | added["provision-broker"]
        assert set(policies(rendering, "provision-broker")) == setup


@each_rendering
def test_what_no_policy_allows_is_denied_in_both_directions_for_all_pods(rendering: str) -> None:
    deny = of_kind("NetworkPolicy", rendering)[DENY]["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@each_rendering
def test_a_policy_speaks_of_the_directions_that_it_has_rules_for(rendering: str) -> None:
    for name, policy in of_kind("NetworkPolicy", rendering).items():
        spoken = {direction for direction in ("Ingress", "Egress") if spec_of(policy).get(direction.lower())}
        assert name == DENY or set(spec_of(policy)["policyTypes"]) == spoken


@each_rendering
def test_every_rule_names_ports_and_only_webhooks_may_use_any(rendering: str) -> None:
    for name, policy in of_kind("NetworkPolicy", rendering).items():
        for rule in (*spec_of(policy).get("egress", ()), *spec_of(policy).get("ingress", ())):
            assert rule["ports"]
            assert name == "webhook-to-receivers" or all("port" in port for port in rule["ports"])


@each_rendering
def test_inside_the_cluster_a_service_reaches_broker_database_and_names(rendering: str) -> None:
    for service in EXPECTED:
        inside = [
            (peer["namespaceSelector"]["matchLabels"], sorted({port["port"] for port in rule["ports"]}))
            for policy in policies(rendering, service).values()
            for rule in policy.get("egress", ())
            for peer in rule.get("to", ())
            if "ipBlock" not in peer
        ]
        system = {"kubernetes.io/metadata.name": "kube-system"}
        assert sorted(inside, key=str) == [(system, [53]), (DATA, [27017]), (DATA, [5671, 5672])]


@each_rendering
def test_webhooks_are_kept_from_every_network_that_the_outbound_policy_refuses(rendering: str) -> None:
    [ipv4, ipv6] = receivers(rendering)
    assert ipv4 == (IPv4Network("0.0.0.0/0"), set(REFUSED_IPV4))
    assert ipv6 == (GLOBAL_UNICAST_IPV6, set(REFUSED_IPV6))


def test_webhooks_may_leave_for_exactly_the_addresses_that_the_code_calls_public() -> None:
    blocks = receivers("base")
    edges = [edge for allowed, refused in blocks for block in (allowed, *refused) for edge in around(block)]
    assert len(edges) > 80
    for address in edges:
        assert is_reachable(address, blocks) is is_public(address), address


@given(st.ip_addresses())
def test_webhooks_may_leave_for_any_address_that_the_code_calls_public_and_no_other(address: Address) -> None:
    assert is_reachable(address, receivers("base")) is is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "10.96.0.1",
        "172.20.3.4",
        "192.168.1.1",
        "100.64.0.7",
        "169.254.169.254",
        "127.0.0.1",
        "fd00:ec2::254",
        "fe80::1",
    ],
)
def test_webhooks_do_not_reach_the_inside(address: str) -> None:
    [parsed] = ip_network(address)
    assert not is_reachable(parsed, receivers("base"))


@each_rendering
def test_the_mail_server_is_reached_on_the_port_that_is_set(rendering: str) -> None:
    [rule] = policies(rendering, "mailer")["mailer-to-smtp"]["egress"]
    assert int(settings_of(rendering)["NOTIFICATION_SMTP_PORT"]) in {port["port"] for port in rule["ports"]}


@each_rendering
def test_nobody_but_labelled_namespaces_reaches_a_pod(rendering: str) -> None:
    for policy in of_kind("NetworkPolicy", rendering).values():
        for rule in spec_of(policy).get("ingress", ()):
            for peer in rule["from"]:
                [(label, value)] = peer["namespaceSelector"]["matchLabels"].items()
                assert (label.partition("/")[0], value) == ("signalpost", "true")


def receivers(rendering: str) -> list[tuple[Network, set[Network]]]:
    """The blocks that webhooks may leave for, each with its exceptions."""
    [rule] = policies(rendering, "webhook")["webhook-to-receivers"]["egress"]
    blocks = [peer["ipBlock"] for peer in rule["to"]]
    return [(ip_network(block["cidr"]), {ip_network(each) for each in block["except"]}) for block in blocks]


def is_reachable(address: Address, blocks: list[tuple[Network, set[Network]]]) -> bool:
    return any(address in allowed and not any(address in each for each in refused) for allowed, refused in blocks)


def around(block: Network) -> list[Address]:
    """The first and the last address of a block, and their neighbours outside."""
    first, last = int(block.network_address), int(block.broadcast_address)
    kind: type[Address] = IPv6Address if isinstance(block, IPv6Network) else IPv4Address
    limit = 2**block.max_prefixlen
    return [kind(number) for number in (first - 1, first, last, last + 1) if 0 <= number < limit]


def spec_of(policy: Manifest) -> Manifest:
    spec: Manifest = policy["spec"]
    return spec
