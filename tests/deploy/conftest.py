"""The broker as a deployment sets it up: `definitions.json`, brought in by `provision.py` with new passwords."""

import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.rabbitmq import RabbitMQ
from deploy.local.stack import Stack
from deploy.rabbitmq.definitions import VHOST
from deploy.rabbitmq.users import users

PROVISION = Path(__file__).parents[2] / "deploy" / "rabbitmq" / "provision.py"


@dataclass(frozen=True, kw_only=True)
class Broker:
    """A broker with the users of a deployment."""

    server: RabbitMQ
    passwords: Mapping[str, str]

    def url(self, user: str) -> str:
        """Where this user connects."""
        return f"amqp://{user}:{self.passwords[user]}@127.0.0.1:{self.server.port('amqp')}/{VHOST}"


def provision(server: RabbitMQ, passwords: Mapping[str, str], **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the program as a container would: with nothing but its own environment."""
    environment = {
        "PATH": os.environ["PATH"],
        "RABBITMQ_MANAGEMENT_URL": server.management_url,
        "RABBITMQ_ADMIN_USER": server.username,
        "RABBITMQ_ADMIN_PASSWORD": server.password,
    }
    given = {f"RABBITMQ_PASSWORD_{name.upper().replace('-', '_')}": password for name, password in passwords.items()}
    return subprocess.run(
        [sys.executable, "-I", str(PROVISION)],
        env=environment | given | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="session")
def rabbitmq(stack: Stack) -> RabbitMQ:
    """The node of the stack."""
    if stack.rabbitmq is None:
        pytest.skip("the broker at AMQP_URL is not ours to make users on")
    return stack.rabbitmq


@pytest.fixture(scope="session")
async def broker(rabbitmq: RabbitMQ) -> AsyncIterator[Broker]:
    """The node with virtual host, topology and users."""
    passwords = {user.name: secrets.token_hex(16) for user in users()}
    done = provision(rabbitmq, passwords)
    assert done.returncode == 0, done.stderr
    yield Broker(server=rabbitmq, passwords=passwords)
    await rabbitmq.delete_vhost(VHOST)
    for name in passwords:
        await rabbitmq.management("DELETE", f"/api/users/{name}")
