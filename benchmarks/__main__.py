"""`make bench`: runs the scenarios, prints one table, and writes `results.json` and the page with its plots.

A quick run shows that every scenario works; it writes to `benchmarks/quick`, never over what was recorded.
"""

import argparse
import time
from collections.abc import Collection

import uvloop

from benchmarks.bench import REPOSITORY, Bench
from benchmarks.figures import Measured, text_table
from benchmarks.machine import describe
from benchmarks.nginx import Nginx
from benchmarks.page import Report
from benchmarks.scenarios import SCENARIOS
from deploy.local.stack import Stack

_HERE = REPOSITORY / "benchmarks"
RECORDED = Report(results=_HERE / "results.json", page=REPOSITORY / "docs" / "performance.md")
QUICK = Report(results=_HERE / "quick" / "results.json", page=_HERE / "quick" / "performance.md")


async def run(report: Report, *, quick: bool, soak: bool, only: Collection[str]) -> dict[str, Measured]:
    """Start the servers, run the chosen scenarios one after the other, and record each as soon as it has ended."""
    measured: dict[str, Measured] = {}
    async with Stack("bench", environ={}) as stack:
        nginx = Nginx(stack.directory)
        try:
            await nginx.start()
            machine = await describe(stack)
            for name, scenario in SCENARIOS:
                if not only or name in only:
                    started = time.monotonic()
                    measured[name] = await scenario(Bench(stack, nginx, quick=quick, soak=soak))
                    report.write({name: measured[name]}, machine)
                    print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)
        finally:
            await nginx.close()
    return measured


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measures Signalpost beside a reference.")
    parser.add_argument("--quick", action="store_true", help="small sizes, one repeat; writes to benchmarks/quick")
    parser.add_argument("--soak", action="store_true", help="watch the memory for ten minutes, not for one")
    parser.add_argument("--only", nargs="+", default=[], choices=[name for name, _ in SCENARIOS], metavar="SCENARIO")
    arguments = parser.parse_args()
    report = QUICK if arguments.quick else RECORDED
    measured = uvloop.run(run(report, quick=arguments.quick, soak=arguments.soak, only=arguments.only))
    print(text_table(figure for result in measured.values() for figure in result.figures))
    print(f"written: {report.results.relative_to(REPOSITORY)}, {report.page.relative_to(REPOSITORY)}")


if __name__ == "__main__":
    main()
