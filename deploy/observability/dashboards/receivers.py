"""What receivers answer, and what becomes of it."""

from typing import Final

from deploy.observability.dashboards.panels import Dashboard, Graph, Text
from deploy.observability.dashboards.queries import quantiles, rates, share

_WHO: Final = """\
No metric names a tenant, a webhook or a delivery. Ask for them by id:

- `worker doctor --webhook ID`: what a webhook's deliveries met, and what to do
- `worker doctor --event ID`: why an event was, or was not, delivered
- `worker dlq list --reason REASON`: the letters, with their targets
- `GET /api/v1/webhooks/{id}/deliveries` and `GET /api/v1/deliveries/{id}`: every attempt

A single receiver in trouble is its owner's concern; many at once are ours. See docs/runbook.md.
"""

RECEIVERS: Final = Dashboard(
    name="receivers",
    title="Receivers",
    meaning="What receivers answer, and what becomes of it.",
    rows={
        "Attempts": [
            Graph(
                title="Webhook attempts",
                meaning="By what came of them.",
                queries=rates("signalpost_delivery_attempts_total", "outcome", where='channel="webhook"'),
                unit="cps",
                stacked=True,
            ),
            Graph(
                title="Mail attempts",
                meaning="By what came of them.",
                queries=rates("signalpost_delivery_attempts_total", "outcome", where='channel="email"'),
                unit="cps",
                stacked=True,
            ),
            Text(title="Whose are they?", content=_WHO),
            Graph(
                title="Share of attempts that succeed",
                queries=share("signalpost_delivery_attempts_total", "channel", where='outcome="success"'),
                unit="percentunit",
            ),
            Graph(
                title="Never answered",
                meaning="Name, connection, TLS, timeout. If it affects all receivers, suspect our network.",
                queries=rates(
                    "signalpost_delivery_attempts_total",
                    "outcome",
                    where='channel="webhook", outcome=~"dns|connection|tls|timeout"',
                ),
                unit="cps",
                stacked=True,
            ),
            Graph(
                title="Time that an attempt takes",
                queries=quantiles("signalpost_attempt_duration_seconds", "channel"),
                unit="s",
            ),
        ],
        "Slow and busy endpoints": [
            Graph(
                title="Concurrency limits halved",
                meaning="For endpoints that timed out, could not be reached or answered 429 or 503.",
                queries=rates("signalpost_endpoint_bound_reductions_total"),
                unit="cps",
            ),
            Graph(
                title="Endpoints in trouble",
                meaning="Their latest request timed out, could not be reached or was answered 429 or 503; "
                "by process, because each sees its own requests.",
                queries={"{{instance}}": "signalpost_endpoints_congested"},
            ),
            Graph(
                title="Postponed without costing an attempt",
                meaning="endpoint_busy is normal beside a slow endpoint; our_fault and bug are not.",
                queries=rates("signalpost_deliveries_postponed_total", "channel", "reason"),
                unit="cps",
                stacked=True,
            ),
            Graph(
                title="Tasks put on each delay queue",
                queries=rates("signalpost_ladder_tasks_total", "rung"),
                unit="cps",
                stacked=True,
            ),
        ],
        "What was given up": [
            Graph(
                title="Dead letters by reason",
                queries=rates("signalpost_dead_letters_total", "channel", "reason"),
                unit="cps",
                stacked=True,
            ),
            Graph(
                title="Share of deliveries that end dead",
                queries=share("signalpost_deliveries_finished_total", "channel", where='outcome="dead"'),
                unit="percentunit",
            ),
            Graph(
                title="Webhooks disabled in the last hour",
                queries={"{{reason}}": "sum by (reason) (increase(signalpost_webhooks_disabled_total[1h]))"},
                stacked=True,
            ),
        ],
    },
)
