"""Every metric that an alert or a dashboard names exists: in our processes, in a real RabbitMQ, or in Prometheus."""

import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import prometheus_client
import pytest
import yaml

from deploy.local.rabbitmq import RabbitMQ
from deploy.observability.dashboards.__main__ import DASHBOARDS
from shared.broker import Publisher
from shared.model.topology import topology
from tests.deploy.promql import exposed, metrics
from tests.deploy.test_alerts import FOLDER, RULES
from tests.deploy.test_dashboards import queries

OF_PROMETHEUS = {"up", "ALERTS"}
EXPRESSIONS = [*(rule["expr"] for rule in RULES.values()), *queries(*DASHBOARDS)]


@pytest.fixture
async def broker_exports(rabbitmq: RabbitMQ) -> AsyncIterator[set[str]]:
    """What a node with our topology exposes where prometheus.yml says to ask."""
    publisher = Publisher(await rabbitmq.create_vhost("monitored"), name="tests", topology=topology())
    await publisher.connect()
    config: dict[str, Any] = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    exported: set[str] = set()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{rabbitmq.port('prometheus')}") as session:
        for job in config["scrape_configs"]:
            if job["job_name"].startswith("rabbitmq"):
                families = [("family", family) for family in job.get("params", {}).get("family", [])]
                async with session.get(job.get("metrics_path", "/metrics"), params=families) as answer:
                    exported |= set(re.findall(r"(?m)^# TYPE (\w+)", await answer.text()))
    await publisher.aclose()
    yield exported
    await rabbitmq.delete_vhost("monitored")


async def test_every_metric_exists(broker_exports: set[str]) -> None:
    of_each_process = set(re.findall(r"(?m)^(process_\w+)", prometheus_client.generate_latest().decode()))
    asked = {name for expression in EXPRESSIONS for name in metrics(expression)}
    assert asked <= exposed().keys() | of_each_process | broker_exports | OF_PROMETHEUS
