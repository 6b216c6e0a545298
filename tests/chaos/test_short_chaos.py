"""The short chaos run of `make test`: one fault of each important kind; `make chaos` is the long one."""

import pytest

from deploy.local.stack import Stack
from tests.chaos.run import run
from tests.chaos.world import world

SEED = 20261122
FAULTS = (
    "kill_service",
    "close_connections",
    "kill_database",
    "kill_service",
    "kill_broker",
    "stop_mail_server",
    "lose_broker_data",
    "kill_service",
)


# The harness's own clients lose their servers too, and their libraries leave a dead socket to the garbage collector.
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_no_fault_loses_doubles_strands_or_wrongly_kills_a_delivery() -> None:
    async with Stack("chaos", environ={}) as stack, world(stack, SEED) as place:
        report = await run(place, seed=SEED, events=150, rate=5.0, faults=FAULTS)
    assert report.faultless, report.as_json()
    assert report.deliveries == 150 * 11
