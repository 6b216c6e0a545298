"""`make chaos` and `make chaos-cluster`, the long runs.

Exit code 0 only if nothing was lost, stuck, wrongly dead or unexplained.
"""

import argparse
import asyncio
import json
import logging
import secrets
import sys
import time
from pathlib import Path

import structlog

from deploy.local.cluster import ClusterStack
from deploy.local.stack import Stack
from tests.chaos.cluster_faults import CLUSTER_FAULTS, ROUND, deal
from tests.chaos.faults import FAULTS, draw
from tests.chaos.run import run
from tests.chaos.verify import Report
from tests.chaos.world import world

REPORT = Path("chaos-report.json")


def main() -> None:
    """Run, print the report and write it to chaos-report.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="repeats a run")
    parser.add_argument("--cluster", action="store_true", help="three RabbitMQ nodes and three MongoDB members")
    parser.add_argument("--events", type=int, default=5_000, help="each makes eleven deliveries")
    parser.add_argument("--rate", type=float, help="events per second; default: 4, or 5 with --cluster")
    parser.add_argument("--faults", type=int, help=f"default: 110, or {ROUND} with --cluster")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)  # the harness's own broker client would tell each fault many times over
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    report = asyncio.run(_chaos(arguments))
    text = json.dumps(report.as_json(), indent=2)
    REPORT.write_text(text + "\n")
    print(text)
    sys.exit(0 if report.faultless else 1)


async def _chaos(arguments: argparse.Namespace) -> Report:
    began, seed = time.monotonic(), arguments.seed

    def tell(line: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {line}", flush=True)

    tell(f"seed {seed}")
    servers = ClusterStack("chaos-cluster") if arguments.cluster else Stack("chaos", environ={})
    async with servers as stack, world(stack, seed) as place:
        if isinstance(stack, ClusterStack):
            await stack.heal()
            kinds, rate, faults = CLUSTER_FAULTS, 5.0, deal(place, arguments.faults or ROUND)
        else:
            kinds, rate, faults = FAULTS, 4.0, draw(place, arguments.faults or 110)
        return await run(
            place,
            seed=seed,
            events=arguments.events,
            rate=arguments.rate or rate,
            faults=faults,
            kinds=kinds,
            tell=tell,
        )


if __name__ == "__main__":
    main()
