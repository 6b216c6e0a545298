"""The runbook names only commands, options, reasons, settings, codes and queues that exist."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.__main__ import app
from services.cli.dlq import replay as dlq_replay
from services.cli.dlq.letter import UNKNOWN
from services.cli.run import SERVICES
from services.dispatcher import wiring as dispatcher
from services.mailer import wiring as mailer
from services.webhook import wiring as webhook
from shared.delivery import replay
from shared.model.reasons import DeadReason
from shared.model.topology import topology
from tests.support.system import System

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "runbook.md").read_text()
RUN = sorted(set(re.findall(r"(?m)(?:^|`)worker ([a-z][^`#\n]*?)\s*(?:`|#|$)", PAGE)))


def words(command: str) -> tuple[list[str], list[str]]:
    """A command's own words, and its options."""
    parts = command.split()
    options = [part for part in parts if part.startswith("--")]
    own = parts[: 2 if parts[0] == "dlq" else 1]
    return own, options


def test_the_page_has_commands() -> None:
    assert {"doctor", "doctor --event ID", "doctor --webhook ID", "doctor --email ADDRESS"} <= set(RUN)
    assert {f"dlq {name}" for name in ("list", "show", "replay", "discard")} <= {" ".join(words(c)[0]) for c in RUN}


@pytest.mark.parametrize("command", RUN)
def test_a_command_exists_with_the_options_that_the_page_gives_it(command: str) -> None:
    own, options = words(command)
    shown = CliRunner().invoke(app, [*own, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})
    assert shown.exit_code == 0, shown.output
    for option in options:
        assert re.search(rf"{option}\b", shown.output), f"{command}: there is no {option}"


def test_every_reason_of_a_dead_letter_has_its_row_and_no_other_has() -> None:
    section = PAGE.partition("### Dead letters\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"(?m)^\| `(\w+)` \|", section)) == {*DeadReason, UNKNOWN}


def test_every_refusal_of_a_replay_is_on_the_page() -> None:
    refusals = [value for module in (replay, dlq_replay) for value in vars(module).values()]
    codes = {value.code for value in refusals if isinstance(value, replay.ReplayRefusal)}
    assert {"target_still_failing", "webhook_disabled", "not_recorded"} < codes
    assert codes <= set(re.findall(r"`(\w+)`", PAGE))


def test_every_setting_on_the_page_exists() -> None:
    settings = {name.upper() for settings in SERVICES.values() for name in settings.model_fields}
    named = set(
        re.findall(r"\b(?:NOTIFICATION|SECURITY|SECRETS|RETENTION|HEALTH|EVENT_TYPES)_[A-Z0-9_]+\b(?!\*)", PAGE)
    )
    assert named - {"NOTIFICATION_SMTP_"} <= settings


def test_every_queue_on_the_page_exists_and_its_window_is_the_real_one() -> None:
    queues = {queue.name for queue in topology().queues}
    named = set(re.findall(r"`((?:events|notifications)\.[a-z0-9_.]+)`", PAGE))
    assert named <= queues
    for queue, window in (
        ("events.to_dispatch", dispatcher.PREFETCH),
        ("notifications.to_send.webhook", webhook.PREFETCH),
        ("notifications.to_send.email", mailer.PREFETCH),
    ):
        [row] = re.findall(rf"(?m)^\| `{re.escape(queue)}` \|.*$", PAGE)
        assert f"up to {window} for each" in row


async def test_every_address_on_the_page_is_a_route(operated: System) -> None:
    named = set(re.findall(r"(?:GET|POST|PUT|PATCH|DELETE) (/[a-z0-9/-]+)", PAGE))
    named |= {f"/api/v1{path}" for path in re.findall(r"POST …(/[\w/-]+)", PAGE)}
    assert {re.sub(r"/ID\b", "/{webhook_id}", path) for path in named} <= (await operated.paths()).keys()
