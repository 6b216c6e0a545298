"""What the workflows run is pinned, and they try every Python that the project supports."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def test_every_action_is_pinned_by_commit_with_its_version_beside_it() -> None:
    used = [line.strip() for path in WORKFLOWS for line in path.read_text().splitlines() if "uses: " in line]
    foreign = [line for line in used if "uses: ./" not in line]
    assert foreign
    for line in foreign:
        assert re.fullmatch(r"(- )?uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_an_action_is_used_at_one_commit_only() -> None:
    pinned = {use for path in WORKFLOWS for use in re.findall(r"uses: (\S+@[0-9a-f]{40})", path.read_text())}
    assert len(pinned) == len({use.partition("@")[0] for use in pinned})


def test_the_oldest_supported_python_and_all_up_to_3_14_are_tested() -> None:
    test = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())
    supported = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    tried = test["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert tried == [f"3.{minor}" for minor in range(int(supported.removeprefix(">=3.")), 15)]
