"""`make chaos`: the long run. Exit code 0 only if nothing was lost, stuck, wrongly dead or unexplained."""

import argparse
import asyncio
import json
import logging
import secrets
import sys
import time
from pathlib import Path

import structlog

from deploy.local.stack import Stack
from tests.chaos.run import run
from tests.chaos.verify import Report
from tests.chaos.world import world

REPORT = Path("chaos-report.json")


def main() -> None:
    """Run, print the report and write it to chaos-report.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="repeats a run")
    parser.add_argument("--events", type=int, default=5_000, help="each makes eleven deliveries")
    parser.add_argument("--rate", type=float, default=7.0, help="events per second")
    parser.add_argument("--faults", type=int, default=110)
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)  # the harness's own broker client would tell each fault many times over
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    report = asyncio.run(_chaos(arguments.seed, arguments.events, arguments.rate, arguments.faults))
    text = json.dumps(report.as_json(), indent=2)
    REPORT.write_text(text + "\n")
    print(text)
    sys.exit(0 if report.faultless else 1)


async def _chaos(seed: int, events: int, rate: float, faults: int) -> Report:
    began = time.monotonic()

    def tell(line: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {line}", flush=True)

    tell(f"seed {seed}")
    async with Stack("chaos", environ={}) as stack, world(stack, seed) as place:
        return await run(place, seed=seed, events=events, rate=rate, faults=faults, tell=tell)


if __name__ == "__main__":
    main()
