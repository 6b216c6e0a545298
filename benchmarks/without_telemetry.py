"""`worker` with telemetry compiled out, to see what it costs: `python -m benchmarks.without_telemetry webhook`.

No metric counts anything and no transition is looked at for them. (A tracer that nobody configured is not there at
all.) Only for the scenario `telemetry`; what the process answers under `/metrics` means nothing.
"""

from prometheus_client import Counter, Gauge, Histogram

from services.cli.__main__ import main
from shared.delivery import settle


def compile_out() -> None:
    """Replace everything that is called for metrics' sake on the way of an event or a delivery."""
    for kind, methods in ((Counter, ("inc",)), (Gauge, ("inc", "dec", "set")), (Histogram, ("observe",))):
        for method in methods:
            setattr(kind, method, _nothing)
    settle.record_transition = _nothing  # type: ignore[attr-defined]


def _nothing(*_: object, **__: object) -> None:
    return None


if __name__ == "__main__":
    compile_out()
    main()
