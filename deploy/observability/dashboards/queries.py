"""PromQL that several panels share; where a query has labels, they are also what the legend says."""

from typing import Final

WORK_QUEUES: Final = "events.to_dispatch|events.set_aside|notifications.to_send.+"
DELAY_QUEUES: Final = "notifications.retry.+"
DEAD_LETTERS: Final = "notifications.dlq.+"


def per_second(metric: str, *labels: str, where: str = "") -> str:
    """The rate of a counter over all processes, by labels."""
    by = f" by ({', '.join(labels)})" if labels else ""
    selector = f"{{{where}}}" if where else ""
    return f"sum{by} (rate({metric}{selector}[$__rate_interval]))"


def rates(metric: str, *labels: str, where: str = "") -> dict[str, str]:
    """The rate of a counter as a panel's queries: a line for each value of the labels."""
    return {_legend(labels): per_second(metric, *labels, where=where)}


def share(metric: str, label: str, *, where: str) -> dict[str, str]:
    """Which part of a counter's increase has other labels `where`, by a label."""
    return {_legend((label,)): f"{per_second(metric, label, where=where)} / {per_second(metric, label)}"}


def quantiles(histogram: str, *labels: str) -> dict[str, str]:
    """Median, 95th and 99th percentile of a histogram over all processes, by labels."""
    by = ", ".join((*labels, "le"))
    return {
        f"{_legend(labels)} p{part * 100:g}".strip(): (
            f"histogram_quantile({part}, sum by ({by}) (rate({histogram}_bucket[$__rate_interval])))"
        )
        for part in (0.5, 0.95, 0.99)
    }


def in_queues(metric: str, queues: str) -> dict[str, str]:
    """A gauge of queues, by queue: of several processes or nodes that report one, one may be late."""
    return {_legend(("queue",)): f'max by (queue) ({metric}{{queue=~"{queues}"}})'}


def _legend(labels: tuple[str, ...]) -> str:
    return " ".join(f"{{{{{label}}}}}" for label in labels)
