"""What the manifests give to each process: all that it needs, nothing that it does not know, secrets by reference."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from pydantic import SecretStr

from deploy.local.ports import free_port
from deploy.rabbitmq.provision import USAGE
from deploy.rabbitmq.users import users
from services.cli.run import SERVICES
from shared.process.settings import load
from tests.deploy.manifests import (
    DEPLOY,
    KUBERNETES,
    RENDERINGS,
    container,
    each_rendering,
    each_service,
    everything_in,
    of_kind,
    pod_templates,
    rendered,
    secret_references,
    settings_of,
)
from tests.support.waiting import eventually

SECRETS = {
    "AMQP_URL": "amqp://somebody:something@127.0.0.1:1/signalpost",  # nobody listens on port 1
    "MONGODB_URL": "mongodb://127.0.0.1:1/?replicaSet=rs0",
    "SECRETS_MASTER_KEYS": "k1:c2lnbmFscG9zdCBkZXZlbG9wbWVudCBtYXN0ZXIga2V5",
    "AUTH_JWT_SECRET": "0123456789abcdef0123456789abcdef",
    "NOTIFICATION_SMTP_USERNAME": "somebody",
    "NOTIFICATION_SMTP_PASSWORD": "something",
    "OTEL_EXPORTER_OTLP_HEADERS": "authorization=something",
}
OVERLAY = "overlays/production"
PAGE = (DEPLOY.parent / "docs" / "kubernetes.md").read_text()


def environment(rendering: str, service: str, *, optional: bool) -> dict[str, str]:
    """What a pod's process finds in its environment, where the optional Secrets exist or do not."""
    given = {name for name, where in secret_references(rendering, service).items() if not where.get("optional")}
    if optional:
        given = set(secret_references(rendering, service))
    return settings_of(rendering) | {name: SECRETS[name] for name in given}


@each_rendering
def test_every_variable_is_a_setting(rendering: str) -> None:
    known = {name.upper() for settings in SERVICES.values() for name in settings.model_fields}
    assert set(settings_of(rendering)) <= known
    for service, settings in SERVICES.items():
        assert set(secret_references(rendering, service)) <= {name.upper() for name in settings.model_fields}


@each_rendering
@each_service
def test_a_service_is_given_every_secret_that_it_reads(rendering: str, service: str) -> None:
    fields = SERVICES[service].model_fields.items()
    secrets = {name.upper() for name, field in fields if "SecretStr" in str(field.annotation)}
    assert len(secrets) >= 2
    assert secrets <= set(secret_references(rendering, service))


@each_rendering
@each_service
def test_the_settings_are_fit_for_production(rendering: str, service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SERVICES[service].model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    # The base leaves open which kind of tokens there is; the overlay has decided.
    for name, value in environment(rendering, service, optional=rendering != OVERLAY).items():
        monkeypatch.setenv(name, value)
    assert load(SERVICES[service]).is_production


@each_service
def test_the_overlay_leaves_nothing_that_points_to_this_machine(service: str) -> None:
    given = environment(OVERLAY, service, optional=False)
    defaults = {name.upper(): field.default for name, field in SERVICES[service].model_fields.items()}
    local = {name for name, value in defaults.items() if re.search(r"127\.0\.0\.1|localhost", plain(value))}
    assert {"AMQP_URL", "MONGODB_URL"} <= local
    assert local <= set(given)
    assert given["PUBLIC_URL"].startswith("https://")
    assert given["NOTIFICATION_SMTP_TLS"] in ("starttls", "tls")


@each_rendering
def test_no_manifest_holds_a_secret(rendering: str) -> None:
    assert not of_kind("Secret", rendering)
    secrets = {
        name.upper()
        for settings in SERVICES.values()
        for name, field in settings.model_fields.items()
        if "SecretStr" in str(field.annotation)
    }
    assert not secrets & set(settings_of(rendering))
    for name in pod_templates(rendering):
        literal = {each["name"] for each in container(rendering, name)["env"] if "value" in each}
        assert not literal & secrets
        assert not [each for each in literal if re.search(r"PASS|SECRET|KEY|TOKEN", each)]


def test_no_url_in_any_file_holds_a_password() -> None:
    files = [path for path in KUBERNETES.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert not [match for path in files for match in re.findall(r"://[^\s/$]*:[^\s/$]+@", path.read_text())]


def test_every_secret_is_described_and_no_other() -> None:
    rows = re.findall(r"^\| `(signalpost-[a-z-]+)` \| (.+?) \|", PAGE, re.MULTILINE)
    described = {(name, key) for name, keys in rows for key in re.findall(r"`([\w-]+)`", keys)}
    used = {
        (where["name"], where["key"])
        for rendering in RENDERINGS
        for name in pod_templates(rendering)
        for where in secret_references(rendering, name).values()
    }
    passwords = {("signalpost-broker-passwords", user.name.upper().replace("-", "_")) for user in users()}
    assert described == used | passwords


def test_each_service_logs_in_at_the_broker_as_itself() -> None:
    for service in SERVICES:
        assert secret_references("base", service)["AMQP_URL"] == {"name": "signalpost-amqp", "key": service}
    assert set(SERVICES) <= {user.name for user in users()}


def test_the_job_that_sets_up_the_broker_has_what_its_program_needs() -> None:
    job = container("components/provision", "provision-broker")
    [passwords] = job["envFrom"]
    needed = set(re.findall(r"^RABBITMQ_\S+", USAGE, re.MULTILINE))
    assert {each["name"] for each in job["env"]} == needed - {f"{passwords['prefix']}<USER>"} | {"SSL_CERT_FILE"}
    [setup] = [each for name, each in of_kind("ConfigMap", "components/provision").items() if "broker-setup" in name]
    files = {name: (DEPLOY / "rabbitmq" / name).read_text() for name in ("provision.py", "definitions.json")}
    assert setup["data"] == files
    mounts = {mount["name"]: mount["mountPath"] for mount in job["volumeMounts"]}
    assert job["command"] == ["python", f"{mounts['setup']}/provision.py"]


def test_files_that_settings_refer_to_are_where_the_page_says() -> None:
    [mount] = {each["mountPath"] for each in everything_of("volumeMounts", "base")}
    assert set(re.findall(r"/etc/[\w./-]+\w", PAGE)) == {f"{mount}/ca.crt", f"{mount}/event-types.json"}


async def test_the_process_of_a_pod_answers_its_probes_alive_without_its_servers_and_ready_only_with_them() -> None:
    rendering, service = OVERLAY, "api"  # the probes are the same for all, as is what answers them
    port = free_port()
    given = environment(rendering, service, optional=False) | {"HEALTH_PORT": str(port), "API_PORT": "0"}
    probes = {key: value for key, value in everything_in(container(rendering, service)) if key.endswith("Probe")}
    paths = {name: probe["httpGet"]["path"] for name, probe in probes.items()}
    command = [sys.executable, "-m", "services.cli", *container(rendering, service)["command"][1:]]
    async with running(command, given), aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:

        async def answer(path: str) -> int | None:
            try:
                async with session.get(path) as response:
                    return response.status
            except aiohttp.ClientError:
                return None

        assert await eventually(lambda: answer(paths["startupProbe"]), until=lambda status: status == 200, within=60)
        assert await answer(paths["livenessProbe"]) == 200
        assert await answer(paths["readinessProbe"]) == 503


@asynccontextmanager
async def running(command: list[str], given: dict[str, str]) -> AsyncIterator[None]:
    """The process, for as long as the block takes; how it drains is tested elsewhere."""
    silent = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *command, env=given, cwd=DEPLOY.parent, stdout=silent, stderr=silent
    )
    try:
        yield
    finally:
        process.kill()
        await process.wait()


def test_the_upgrade_on_the_page_applies_everything_and_those_who_read_before_those_who_write() -> None:
    [services] = re.findall(r"^for service in ([a-z ]+); do$", PAGE, re.MULTILINE)
    assert set(services.split()) == set(SERVICES)
    assert services.split()[-2:] == ["dispatcher", "api"]
    assert "-l app.kubernetes.io/component=provision\n" in PAGE
    components = {each["metadata"].get("labels", {}).get("app.kubernetes.io/component") for each in rendered(OVERLAY)}
    assert components == {None, "provision", *SERVICES}


def everything_of(key: str, rendering: str) -> list[dict[str, str]]:
    """The items of all lists with this key."""
    return [item for name, value in everything_in(rendered(rendering)) if name == key for item in value]


def plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
