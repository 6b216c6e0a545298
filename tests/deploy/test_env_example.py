"""`deploy/env.example` is current, tells no secret, and its values mean to the services what the defaults mean."""

import re
from pathlib import Path

import pytest

from deploy.env_example import COMPOSE, env_example
from services.cli.run import SERVICES
from shared.process.settings import CoreSettings, load

FILE = Path(__file__).parents[2] / "deploy" / "env.example"
VARIABLE = re.compile(r"^(#?)([A-Z][A-Z0-9_]*)=(.*)$", re.MULTILINE)
SECRET = re.compile(r"PASSWORD|SECRET|AMQP_URL|MONGODB_URL")


def variables() -> dict[str, str]:
    """Every variable with the value shown."""
    return {name: value.strip('"') for _, name, value in VARIABLE.findall(FILE.read_text())}


def test_the_file_is_current() -> None:
    assert FILE.read_text() == env_example(), "renew it: python -m deploy.env_example > deploy/env.example"


def test_every_variable_is_there_once() -> None:
    named = [name for _, name, _ in VARIABLE.findall(FILE.read_text())]
    settings = {name.upper() for service in SERVICES.values() for name in service.model_fields}
    interpolated = set(re.findall(r"\$\{(\w+)", COMPOSE.read_text()))
    assert len(named) == len(set(named))
    assert settings | interpolated <= set(named)


def test_no_secret_has_a_value() -> None:
    shown = {name: value for name, value in variables().items() if SECRET.search(name)}
    assert len(shown) > len(SERVICES)
    assert not any(shown.values())


@pytest.mark.parametrize("settings", SERVICES.values(), ids=SERVICES)
def test_setting_every_value_that_is_shown_changes_nothing(
    settings: type[CoreSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("ENVIRONMENT", "development")
    defaults = load(settings)
    for name, value in variables().items():
        if value and name != "ENVIRONMENT":
            monkeypatch.setenv(name, value)
    assert load(settings) == defaults


def test_what_compose_insists_on_is_there_to_be_filled_in() -> None:
    insisted = set(re.findall(r"\$\{(\w+):\?", COMPOSE.read_text()))
    assert {name for mark, name, value in VARIABLE.findall(FILE.read_text()) if not mark} == insisted
