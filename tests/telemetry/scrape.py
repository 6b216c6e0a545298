"""Reads `/metrics` of a running service, and tells by how much a series grew since a test began."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from tests.support.system import System
from tests.support.waiting import eventually


@dataclass(frozen=True)
class Scrape:
    """All samples of one process, by name and labels."""

    samples: Mapping[tuple[str, frozenset[tuple[str, str]]], float] = field(repr=False)

    def __call__(self, name: str, **labels: str) -> float | None:
        """The value of one series; None if there is none."""
        return self.samples.get((f"signalpost_{name}", frozenset(labels.items())))


async def scrape(system: System, service: str) -> Scrape:
    """What a service exposes now."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{system.services[service].port('health')}/metrics") as answer,
    ):
        text = await answer.text()
    return Scrape(
        {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
    )


class Counting:
    """The counters of one service, from now on."""

    def __init__(self, system: System, service: str, before: Scrape) -> None:
        self._system, self._service, self._before = system, service, before

    @classmethod
    async def of(cls, system: System, service: str) -> "Counting":
        """Begin to count."""
        return cls(system, service, await scrape(system, service))

    async def grown(self, name: str, **labels: str) -> float:
        """By how much a series has grown since."""
        return ((await scrape(self._system, self._service))(name, **labels) or 0) - (
            self._before(name, **labels) or 0
        )

    async def until(self, name: str, by: float, **labels: str) -> None:
        """Wait until a series has grown by exactly this."""

        async def look() -> float:
            return await self.grown(name, **labels)

        await eventually(look, until=lambda grown: grown == by)
