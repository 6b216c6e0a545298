"""`docs/deployment.md`: what it tells a person to type works, and it knows every user of the broker."""

import re
import subprocess
from pathlib import Path

import pytest

from deploy.rabbitmq.users import users
from services.cli.run import SERVICES
from shared.process.settings import load

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "deployment.md").read_text()


def test_the_commands_fill_in_everything_that_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "env.example").write_text((REPOSITORY / "deploy" / "env.example").read_text())
    [script] = re.findall(r"```sh\n(cd deploy\n.*?)docker compose up", PAGE, re.DOTALL)
    subprocess.run(["/bin/sh", "-euc", script], cwd=tmp_path, check=True)

    lines = (tmp_path / "deploy" / ".env").read_text().splitlines()
    variables = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert all(variables.values()), variables.keys()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("ENVIRONMENT", raising=False)
    for settings in SERVICES.values():
        assert load(settings).is_production


def test_every_user_of_the_broker_is_described() -> None:
    assert all(f"\n| `{user.name}`" in PAGE for user in users())
