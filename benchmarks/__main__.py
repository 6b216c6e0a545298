"""`make bench`: runs the scenarios, prints one table, and writes `results.json` and the page with its plots.

A quick run shows that every scenario works and writes beside the recorded results, never over them.
"""

import argparse
import json

import uvloop

from benchmarks.bench import REPOSITORY, Bench
from benchmarks.figures import Measured, text_table
from benchmarks.nginx import Nginx
from benchmarks.scenarios import SCENARIOS
from deploy.local.stack import Stack

RECORDED = REPOSITORY / "benchmarks" / "results.json"
QUICK = REPOSITORY / "benchmarks" / "quick"


async def run(*, quick: bool, only: list[str]) -> list[Measured]:
    """Start the servers and run the chosen scenarios one after the other."""
    measured = []
    async with Stack("bench", environ={}) as stack:
        nginx = Nginx(stack.directory)
        try:
            await nginx.start()
            bench = Bench(stack, nginx, quick=quick)
            for name, scenario in SCENARIOS:
                if not only or name in only:
                    print(f"{name} …", flush=True)
                    measured.append(await scenario(bench))
                    print(text_table(measured[-1].figures), flush=True)
        finally:
            await nginx.close()
    return measured


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measures Signalpost beside a reference.")
    parser.add_argument("--quick", action="store_true", help="small sizes, one repeat; writes to benchmarks/quick")
    parser.add_argument("--only", nargs="+", default=[], choices=[name for name, _ in SCENARIOS], metavar="SCENARIO")
    arguments = parser.parse_args()
    measured = uvloop.run(run(quick=arguments.quick, only=arguments.only))
    figures = [figure for result in measured for figure in result.figures]
    print(f"\n{text_table(figures)}")
    if arguments.quick or arguments.only:
        QUICK.mkdir(exist_ok=True)
    path = QUICK / "results.json" if arguments.quick or arguments.only else RECORDED
    path.write_text(json.dumps([figure.document() for figure in figures], indent=1) + "\n")


if __name__ == "__main__":
    main()
