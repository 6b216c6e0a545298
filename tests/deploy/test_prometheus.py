"""A real Prometheus beside the real system: it reads every process, and there is data for every panel."""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from deploy.local.program import Program
from deploy.local.run_directory import RunDirectory
from deploy.observability.dashboards.__main__ import DASHBOARDS
from tests.deploy.test_alerts import FOLDER, RULES
from tests.deploy.test_dashboards import queries
from tests.support.programs import program
from tests.support.receiver import Receiver
from tests.support.system import SERVICES, System, certificate
from tests.support.waiting import eventually

QUIET = ("ServiceAbsent", "ServiceNotReady", "MailHeld", "BrokerDown", "QueueMissing", "QueueWithoutConsumer")
"""Alerts for what is missing: with everything there, their expressions find nothing."""


class Prometheus(Program):
    """A Prometheus with our configuration, in a hurry; `targets` says for each job where its processes really are."""

    port_names = ("web",)

    def __init__(self, directory: RunDirectory, folder: Path, targets: Mapping[str, Sequence[int]]) -> None:
        super().__init__(directory, "prometheus")
        self._folder, self._targets = folder, targets
        self._binary = program("prometheus", package="prometheus")

    async def ready(self) -> bool:
        try:
            async with aiohttp.ClientSession() as session, session.get(self._url("/-/ready")) as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def get(self, path: str, **parameters: str) -> Any:
        async with aiohttp.ClientSession() as session:
            async with session.get(self._url(path), params=parameters) as answer:
                content = await answer.json()
            assert content["status"] == "success", content
            return content["data"]

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port('web')}{path}"

    def _command(self) -> tuple[Sequence[str], Mapping[str, str]]:
        config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [str(FOLDER / name) for name in config["rule_files"]]
        config["scrape_configs"] = [
            {name: value for name, value in job.items() if name != "dns_sd_configs"}
            | {"static_configs": [{"targets": [f"127.0.0.1:{port}" for port in self._targets[job["job_name"]]]}]}
            for job in config["scrape_configs"]
            if job["job_name"] in self._targets
        ]
        file = self._folder / "prometheus.yml"
        file.write_text(yaml.safe_dump(config))
        address = f"--web.listen-address=127.0.0.1:{self.port('web')}"
        command = [
            str(self._binary),
            f"--config.file={file}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            address,
        ]
        return command, {"PATH": os.environ["PATH"]}


@pytest.fixture
async def prometheus(system: System, tmp_path: Path) -> AsyncIterator[Prometheus]:
    if system.stack.rabbitmq is None:
        pytest.skip("the broker at AMQP_URL may have no metrics")
    broker = [system.stack.rabbitmq.port("prometheus")]
    processes = [system.services[name].port("health") for name in SERVICES]
    targets = {"signalpost": processes, "rabbitmq": broker, "rabbitmq-queues": broker}
    running = Prometheus(system.stack.directory, tmp_path, targets)
    await running.start()
    yield running
    await running.close()


async def test_every_process_is_read_every_panel_has_data_and_what_is_there_is_not_missed(
    prometheus: Prometheus, system: System, receiver: Receiver, tenant: str
) -> None:
    await system.client(tenant).create_webhook(receiver.url("/watched"), "certificate.issued")
    await system.publish(certificate(tenant))
    await receiver.wait_for("/watched")

    async def health() -> list[str]:
        found = (await prometheus.get("/api/v1/targets"))["activeTargets"]
        return [target["lastError"] or target["health"] for target in found]

    await eventually(health, until=lambda seen: seen == ["up"] * (len(SERVICES) + 2))

    missing = set(queries(*DASHBOARDS))

    async def still_without_data() -> set[str]:
        for query in list(missing):
            if (await prometheus.get("/api/v1/query", query=query))["result"]:
                missing.remove(query)
        return missing

    await eventually(still_without_data, until=lambda seen: not seen, within=40)

    async def rules() -> dict[str, str]:
        groups = (await prometheus.get("/api/v1/rules"))["groups"]
        return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}

    await eventually(rules, until=lambda seen: seen == dict.fromkeys(RULES, "ok"))

    async def missed() -> list[Any]:
        answers = [await prometheus.get("/api/v1/query", query=RULES[name]["expr"]) for name in QUIET]
        return [found for answer in answers for found in answer["result"]]

    await eventually(missed, until=lambda found: found == [])
