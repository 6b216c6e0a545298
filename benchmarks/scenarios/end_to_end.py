"""Publish, dispatch, deliver, record: how many deliveries per second the two cores of the machine carry altogether.

RabbitMQ, MongoDB, the receiver, one dispatcher and one consumer share the machine; the page shows each one's part.
"""

from collections import defaultdict
from collections.abc import Sequence

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Measured, Plot, figure
from benchmarks.meter import Window
from benchmarks.pipeline import live, preloaded

NAME = "end_to_end"
FAN_OUTS = (1, 10, 100)
LIVE = "fan-out 1, published live"
GOAL = "value >= 2500"


async def measure(bench: Bench) -> Measured:
    """Take turns between the fan-outs and the live load."""
    windows: dict[str, list[Window]] = defaultdict(list)
    deliveries = bench.size(full=8_000, quick=2_500)
    for _ in range(bench.repeats):
        for fan_out in FAN_OUTS:
            windows[f"fan-out {fan_out}"].append(await preloaded(bench, deliveries=deliveries, fan_out=fan_out))
        windows[LIVE].append(await live(bench, deliveries=deliveries))
    rates = [_rate(name, of_name) for name, of_name in windows.items()]
    cpu = {name: cpu_figures(NAME, name, of_name) for name, of_name in windows.items()}
    return Measured(
        [*rates, *(item for figures in cpu.values() for item in figures)],
        [cpu_plot("end-to-end-cpu", "Where the CPU goes, for each delivery", cpu)],
    )


def _rate(name: str, windows: Sequence[Window]) -> Figure:
    goal = GOAL if name == "fan-out 1" else None
    return figure(NAME, name, [window.rate for window in windows], "deliveries/s", goal=goal)


def cpu_figures(scenario: str, name: str, windows: Sequence[Window]) -> list[Figure]:
    """Return the CPU time of each process for each delivery."""
    each = [window.cpu_micros() for window in windows]
    return [figure(scenario, f"{name}: CPU of {process}", [m[process] for m in each], "µs") for process in each[0]]


def cpu_plot(file: str, title: str, cpu: dict[str, list[Figure]]) -> Plot:
    """Return one bar for each name, made of its processes' shares."""
    series: dict[str, list[tuple[str | float, float]]] = defaultdict(list)
    for name, figures in cpu.items():
        for item in figures:
            series[item.figure.rpartition(" of ")[2]].append((name, item.value))
    return Plot(name=file, title=title, kind="stacked", y="µs of CPU for each delivery", series=dict(series))
