"""The page on operations names only what exists: commands, settings, files, queues, and each user's rights."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.local.stack import Stack
from deploy.rabbitmq.users import users
from services.cli.__main__ import app
from services.cli.run import SERVICES
from shared.model.topology import topology
from shared.telemetry.metrics import POSTPONEMENTS
from tests.support.system import System

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()
QUEUES = {queue.name for queue in topology().queues}


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`worker ([a-z]+)", PAGE))))
def test_a_command_of_ours_exists(command: str) -> None:
    assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0


async def test_a_command_of_the_broker_exists_with_its_options(stack: Stack) -> None:
    if stack.rabbitmq is None:
        pytest.skip("needs a broker of its own: unset AMQP_URL")
    assert "`rabbitmq-queues grow NODE all --vhost-pattern" in " ".join(PAGE.split())
    assert "grow <node> <all | even> [--vhost-pattern" in await stack.rabbitmq.tool("rabbitmq-queues", "help", "grow")


def test_every_setting_exists() -> None:
    settings = {name.upper() for settings in SERVICES.values() for name in settings.model_fields}
    prefixes = "NOTIFICATION|SECURITY|SECRETS|RETENTION|AUTH|AMQP|MONGODB"
    named = set(re.findall(rf"\b(?:{prefixes})_[A-Z0-9_]+\b", PAGE))
    assert {"SECRETS_MASTER_KEYS", "RETENTION_DAYS", "AMQP_URL"} <= named <= settings


def test_every_file_exists() -> None:
    for path in set(re.findall(r"`((?:deploy|tests|shared)/[\w./]+)`", PAGE)):
        assert (ROOT / path).exists(), path


def test_every_queue_is_accounted_for_after_the_loss_of_the_broker() -> None:
    section = PAGE.partition("## Backup and restore")[2].partition("\n## ")[0]
    named = {name for row in re.findall(r"(?m)^\| (`.*?) \|", section) for name in re.findall(r"`([^`]+)`", row)}
    ladder = {queue for queue in QUEUES if queue.startswith("notifications.retry.")}
    assert named - {"notifications.retry.*"} | ladder == QUEUES


def test_the_reason_of_a_held_task_exists() -> None:
    assert "(`newer_version` in `signalpost_deliveries_postponed_total`" in PAGE
    assert "newer_version" in POSTPONEMENTS


async def test_every_address_is_a_route(operated: System) -> None:
    named = set(re.findall(r"(?:GET|POST|PUT|PATCH|DELETE) (/[\w/-]+)", PAGE))
    assert named
    assert {path.replace("/ID", "/{webhook_id}") for path in named} <= (await operated.paths()).keys()


def test_the_rights_of_every_user_are_those_on_the_page() -> None:
    def listed(names: Sequence[str]) -> str:
        return ", ".join(f"`{name}`" for name in names) or "nothing"

    table = PAGE.partition("## Who may do what on the broker")[2]
    rows = []
    for user in users():
        takes = "every queue" if set(user.consumes) == QUEUES else listed(user.consumes)
        rows.append(f"| `{user.name}` | {listed(user.publishes)} | {takes} | {'yes' if user.declares else 'no'} |")
    assert re.findall(r"(?m)^\| `.*$", table) == rows
