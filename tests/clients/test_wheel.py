"""What an application gets with `pip install signalpost`, beside its own `shared` and `services`."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4
from zipfile import ZipFile

import pytest
from pymongo import AsyncMongoClient

from tests.clients.conftest import Environment
from tests.support.receiver import Receiver
from tests.support.system import System, token

MOST_DISTRIBUTIONS = 14

pytestmark = pytest.mark.timeout(400)  # packages are installed, which takes as long as the network does


def test_the_wheel_holds_one_package_with_its_types_and_nothing_of_the_server(wheel: Path) -> None:
    names = ZipFile(wheel).namelist()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"signalpost"}
    assert "signalpost/py.typed" in names


def test_a_plain_install_is_small(application: Environment) -> None:
    assert "signalpost" in application.plain
    assert len(application.plain) <= MOST_DISTRIBUTIONS, sorted(application.plain)


def test_an_applications_own_packages_stay_its_own(application: Environment) -> None:
    script = "import shared, services, signalpost; print(shared.__file__, services.__file__, signalpost.__file__)"
    own, others, client = (Path(file) for file in application.run("-c", script).split())
    assert own.is_relative_to(application.code)
    assert others.is_relative_to(application.code)
    assert client.is_relative_to(application.folder)


def test_the_application_passes_mypys_strictest_check(application: Environment) -> None:
    options = ["--strict", "--config-file=", "--cache-dir=/dev/null", "--python-executable", str(application.python)]
    command = [sys.executable, "-m", "mypy", *options, "services", "shared"]
    done = subprocess.run(command, cwd=application.code, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_mypy_finds_a_field_that_an_event_does_not_have(application: Environment, tmp_path: Path) -> None:
    module = tmp_path / "wrong.py"
    module.write_text(
        "from signalpost.events import CertificateIssued\n\n"
        'CertificateIssued(tenant="org_1", certificate_id="cert_42", colour="red")\n'
        'CertificateIssued(tenant="org_1")\n'
    )
    options = ["--strict", "--config-file=", "--cache-dir=/dev/null", "--python-executable", str(application.python)]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, str(module)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert 'Unexpected keyword argument "colour"' in done.stdout
    assert 'Missing named argument "certificate_id"' in done.stdout


def test_what_signalpost_would_refuse_does_not_leave_the_application(application: Environment) -> None:
    assert "data.proof_id: is required" in application.run("-m", "services.certificates", "refused")


@pytest.fixture
async def database(system: System) -> AsyncIterator[str]:
    """The application's own database."""
    name = f"application-{uuid4().hex[:8]}"
    yield name
    async with AsyncMongoClient[dict[str, object]](system.environment["MONGODB_URL"]) as client:
        await client.drop_database(name)


@pytest.mark.parametrize("way", ["amqp", "http", "outbox"])
async def test_an_event_of_the_application_arrives_and_is_verified_by_it(
    way: str, application: Environment, system: System, receiver: Receiver, tenant: str, database: str, tmp_path: Path
) -> None:
    webhook = await system.client(tenant).create_webhook(receiver.url("/hook"), "*")
    environment = {
        "TENANT": tenant,
        "DATABASE": database,
        "AMQP_URL": system.environment["AMQP_URL"],
        "MONGODB_URL": system.environment["MONGODB_URL"],
        "SIGNALPOST_URL": system.url,
        "SIGNALPOST_TOKEN": token(tenant, "PRODUCER"),
    }
    published = application.run("-m", "services.certificates", way, environment=environment)
    [request] = await receiver.wait_for("/hook")
    assert request.headers["webhook-id"] == published

    def judged(secret: str) -> str:
        kept = {"secret": secret, "headers": dict(request.headers), "body": request.body.decode()}
        (tmp_path / "request.json").write_text(json.dumps(kept))
        return application.run("-m", "services.certificates", str(tmp_path / "request.json"))

    assert judged(webhook["secret"]) == "certificate.issued"
    assert "no signature fits" in judged("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
