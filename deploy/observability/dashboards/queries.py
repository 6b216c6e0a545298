"""PromQL that several panels share."""

from typing import Final

WORK_QUEUES: Final = "events.to_dispatch|notifications.to_send.+"


def per_second(metric: str, *labels: str, where: str = "") -> str:
    """The rate of a counter over all processes, by labels."""
    by = f" by ({', '.join(labels)})" if labels else ""
    selector = f"{{{where}}}" if where else ""
    return f"sum{by} (rate({metric}{selector}[$__rate_interval]))"


def quantiles(histogram: str, *labels: str, legend: str = "") -> dict[str, str]:
    """Median, 95th and 99th percentile of a histogram over all processes."""
    by = ", ".join((*labels, "le"))
    return {
        f"{legend} p{share * 100:g}".strip(): (
            f"histogram_quantile({share}, sum by ({by}) (rate({histogram}_bucket[$__rate_interval])))"
        )
        for share in (0.5, 0.95, 0.99)
    }
