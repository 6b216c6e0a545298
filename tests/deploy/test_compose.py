"""`deploy/compose.yaml`: everything starts in order, is watched and confined, and holds no secret."""

import os
import re
import shutil
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.env_example import COMPOSE
from deploy.rabbitmq.definitions import VHOST
from deploy.rabbitmq.users import users
from services.cli.run import SERVICES
from shared.broker.consumer import DRAIN_SECONDS
from tests.deploy.dockerfile import health_check

PROJECT: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
CONTAINERS: dict[str, dict[str, Any]] = PROJECT["services"]
LASTING = [name for name in CONTAINERS if name != "rabbitmq-setup"]
OBSERVING = {"prometheus", "grafana", "otel-collector", "jaeger"}

each_container = pytest.mark.parametrize("name", CONTAINERS)
each_lasting = pytest.mark.parametrize("name", LASTING)
each_service = pytest.mark.parametrize("name", SERVICES)


def test_the_servers_and_all_services_are_there() -> None:
    assert set(LASTING) == {"rabbitmq", "mongo", "mailpit", *SERVICES, *OBSERVING}
    assert all(CONTAINERS[name]["command"] == [name] for name in SERVICES)


def test_what_only_observes_comes_when_it_is_asked_for_and_nothing_depends_on_it() -> None:
    assert {name for name in CONTAINERS if CONTAINERS[name].get("profiles") == ["observability"]} == OBSERVING
    assert not any(OBSERVING & set(CONTAINERS[name].get("depends_on", ())) for name in set(CONTAINERS) - OBSERVING)


def test_what_prometheus_asks_is_a_container_on_its_network() -> None:
    folder = COMPOSE.parent / "observability" / "prometheus"
    names: set[str] = set()
    for job in yaml.safe_load((folder / "prometheus.yml").read_text())["scrape_configs"]:
        names |= {name for found in job.get("dns_sd_configs", ()) for name in found["names"]}
        names |= {
            target.partition(":")[0] for static in job.get("static_configs", ()) for target in static["targets"]
        }
    names.remove("127.0.0.1")  # itself
    assert names == {*SERVICES, "rabbitmq", "otel-collector"}
    assert all("data" in CONTAINERS[name]["networks"] for name in names | {"prometheus"})


@each_service
def test_a_service_is_given_the_variables_it_reads_and_no_other(name: str) -> None:
    assert set(CONTAINERS[name]["environment"]) == {field.upper() for field in SERVICES[name].model_fields}


@each_service
def test_a_service_is_its_own_user_of_the_broker(name: str) -> None:
    password = f"${{RABBITMQ_PASSWORD_{name.upper()}:?see env.example}}"
    assert CONTAINERS[name]["environment"]["AMQP_URL"] == f"amqp://{name}:{password}@rabbitmq:5672/{VHOST}"


def test_every_user_of_the_broker_can_be_given_a_password() -> None:
    given = set(CONTAINERS["rabbitmq-setup"]["environment"])
    assert {f"RABBITMQ_PASSWORD_{user.name.upper().replace('-', '_')}" for user in users()} <= given


@each_container
def test_a_secret_comes_from_outside_and_has_no_default(name: str) -> None:
    for variable, value in CONTAINERS[name]["environment"].items() if "environment" in CONTAINERS[name] else ():
        if re.search(r"PASS|SECRET|KEY", variable):
            assert value is None or re.fullmatch(r"\$\{\w+:\?[\w. ]+\}", value), variable


def test_no_url_in_any_file_for_deployment_holds_a_password() -> None:
    folder = COMPOSE.parent
    files = [path for path in (*folder.iterdir(), *(folder / "rabbitmq").iterdir()) if path.is_file()]
    assert COMPOSE in files
    found = {match for path in files for match in re.findall(r"://[^\s/$]*:[^\s/$]+@", path.read_text())}
    assert found <= {"://user:password@"}  # how such a URL is written


@each_container
def test_a_container_is_confined(name: str) -> None:
    container = CONTAINERS[name]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert "cap_add" not in container
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container["mem_limit"]
    assert container["cpus"]


@each_container
def test_a_container_of_others_is_pinned_and_not_run_by_root(name: str) -> None:
    container = CONTAINERS[name]
    if "build" in container:
        return  # the image says so itself
    assert re.fullmatch(r"[\w./-]+:v?\d[\w.-]*", container["image"])
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", container["user"])


@each_lasting
def test_a_container_that_lasts_is_watched_and_restarted(name: str) -> None:
    assert CONTAINERS[name]["restart"] == "unless-stopped"
    if name != "otel-collector":  # holds nothing but itself; Prometheus watches it
        assert CONTAINERS[name]["healthcheck"]["test"][0] == "CMD"


@each_service
def test_a_service_is_watched_as_in_the_image_and_given_time_to_drain(name: str) -> None:
    container = CONTAINERS[name]
    assert container["healthcheck"]["test"] == ["CMD", "python", *health_check()]
    assert container["environment"]["HEALTH_PORT"] == 8081
    assert seconds(container["stop_grace_period"]) >= DRAIN_SECONDS + 10


@each_service
def test_a_service_starts_when_broker_and_database_are_ready_for_it(name: str) -> None:
    needs = CONTAINERS[name]["depends_on"]
    assert needs["rabbitmq-setup"]["condition"] == "service_completed_successfully"
    assert needs["mongo"]["condition"] == "service_healthy"


def test_every_dependency_is_on_something_that_is_checked_and_none_goes_round() -> None:
    graph = {name: container.get("depends_on", {}) for name, container in CONTAINERS.items()}
    for needed, how in (pair for needs in graph.values() for pair in needs.items()):
        assert how["condition"] == "service_healthy" or needed == "rabbitmq-setup"
    order = list(TopologicalSorter(graph).static_order())
    assert order.index("rabbitmq") < order.index("rabbitmq-setup") < order.index("dispatcher")
    assert order.index("mailpit") < order.index("mailer")


def test_ports_are_opened_to_this_host_only_and_the_database_to_nobody() -> None:
    ports = {port for container in CONTAINERS.values() for port in container.get("ports", ())}
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert {"127.0.0.1:8000:8000", "127.0.0.1:1025:1025", "127.0.0.1:8025:8025"} <= ports
    assert PROJECT["networks"]["data"] == {"internal": True}
    assert (CONTAINERS["mongo"]["networks"], "ports" in CONTAINERS["mongo"]) == (["data"], False)


@each_container
def test_what_is_mounted_is_there(name: str) -> None:
    for mount in CONTAINERS[name].get("volumes", ()):
        source = mount.split(":")[0]
        assert source in PROJECT["volumes"] if source[0] != "." else (COMPOSE.parent / source).exists()


def test_it_is_what_the_compose_specification_describes() -> None:
    command = [str(Path(sys.executable).with_name("check-jsonschema")), "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, str(COMPOSE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def docker_compose() -> list[str]:
    for command in (["docker-compose"], ["docker", "compose"]):
        found = shutil.which(command[0])
        if found and subprocess.run([*command, "version"], capture_output=True, check=False).returncode == 0:
            return command
    pytest.skip("docker compose is not installed")


def test_docker_compose_accepts_it_when_everything_is_filled_in(docker_compose: list[str], tmp_path: Path) -> None:
    asked = set(re.findall(r"\$\{(\w+):\?", COMPOSE.read_text()))
    (tmp_path / ".env").write_text("".join(f"{name}=given\n" for name in asked))
    command = [*docker_compose, "--file", str(COMPOSE), "--env-file", str(tmp_path / ".env"), "config", "--quiet"]
    done = subprocess.run(command, env=plain_environment(), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_docker_compose_names_what_is_not_filled_in(docker_compose: list[str], tmp_path: Path) -> None:
    (tmp_path / ".env").touch()
    command = [*docker_compose, "--file", str(COMPOSE), "--env-file", str(tmp_path / ".env"), "config", "--quiet"]
    done = subprocess.run(command, env=plain_environment(), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "see env.example" in done.stderr


def plain_environment() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


def seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+)s", text)
    assert match is not None
    return float(match[1])
