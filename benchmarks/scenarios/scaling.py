"""One, two and four dispatchers and consumers on the same queues, without coordination.

On a machine with two cores more processes can't carry more; what they cost each other is what shows there.
"""

from collections import defaultdict

from benchmarks.bench import Bench
from benchmarks.figures import Measured, Plot, figure
from benchmarks.pipeline import preloaded

NAME = "scaling"
PROCESSES = (1, 2, 4)


async def measure(bench: Bench) -> Measured:
    """Take turns between the numbers of processes."""
    rates: dict[int, list[float]] = defaultdict(list)
    cpu: dict[int, list[float]] = defaultdict(list)
    deliveries = bench.size(full=6_000, quick=2_000)
    for _ in range(bench.repeats):
        for processes in PROCESSES:
            window = await preloaded(bench, deliveries=deliveries, processes=processes)
            rates[processes].append(window.rate)
            cpu[processes].append(sum(window.cpu_micros().values()))
    figures = [
        figure(NAME, f"{n} + {n} processes{what}", values[n], unit, references=values[1])
        for what, unit, values in (("", "deliveries/s", rates), (": CPU of all", "µs", cpu))
        for n in PROCESSES
    ]
    bars = [(item.figure, item.value) for item in figures if item.unit == "deliveries/s"]
    title = "Dispatchers and consumers on one machine"
    return Measured(figures, [Plot(name="scaling", title=title, kind="bars", y="deliveries/s", series={"": bars})])
