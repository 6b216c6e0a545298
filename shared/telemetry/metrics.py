"""The catalogue of metrics: each one's name, meaning, unit and labels; `docs/metrics.md` is generated from it.

No label takes a value that customers or outsiders can choose (ids, URLs, tenants, event types), because each value
costs memory until the process ends. Series whose labels have a fixed set of values begin at 0, so that Prometheus
sees the first increase.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Final, TypeVar

from prometheus_client import Counter, Gauge, disable_created_metrics

from shared.model.reasons import FINISHED, DeadReason, DisabledReason
from shared.model.topology import CHANNELS, DEAD_LETTER_KEYS, DELAY_STEPS, EVENT
from shared.telemetry.histogram import Histogram

# Would add a second series beside each one, with its creation time, which nobody reads.
disable_created_metrics()  # type: ignore[no-untyped-call]

PREFIX: Final = "signalpost_"
Values = tuple[str, ...]
Kind = TypeVar("Kind", Counter, Gauge, Histogram)

REJECTIONS: Final = (
    "invalid_body",
    "invalid_event",
    "reserved_event_type",
    "reserved_source",
    "wrong_tenant",
    "idempotency_conflict",
    "overloaded",
    "internal_error",
)
ATTEMPT_OUTCOMES: Final = (
    "success",
    "http_3xx",
    "http_4xx",
    "http_5xx",
    "http_other",
    "timeout",
    "dns",
    "connection",
    "tls",
    "protocol",
    "policy",
    "invalid_request",
    "smtp_4xx",
    "smtp_5xx",
    "template",
    "other",
)
POSTPONEMENTS: Final = ("endpoint_busy", "our_fault", "second_copy", "newer_version", "bug")
DISABLED: Final = (DisabledReason.GONE.value, DisabledReason.CONSECUTIVE_FAILURES.value)
HTTP_REFUSED: Final = (
    "bad_request",
    "bad_framing",
    "request_timeout",
    "uri_too_long",
    "header_too_large",
    "too_many_connections",
    "silent",
    "displaced",
    "unread",
)
BROKER, DATABASE = "broker", "database"
OPEN: Final[Values] = ()
"""For a label whose values are bounded by the code, but not listed here."""

REQUEST_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
ATTEMPT_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
LATENCY_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)
"""They cover the default schedule's 31 s, and the latency after an outage of hours."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """The documentation of a metric."""

    name: str
    """As it is exposed; a histogram adds `_bucket`, `_sum` and `_count`."""
    kind: str
    meaning: str
    labels: Mapping[str, Values]


CATALOGUE: Final[list[Entry]] = []


def _declare(kind: type[Kind], name: str, meaning: str, labels: Mapping[str, Values], **options: Any) -> Kind:
    CATALOGUE.append(Entry(name=PREFIX + name, kind=kind.__name__.lower(), meaning=meaning, labels=labels))
    metric = kind(PREFIX + name, meaning, tuple(labels), **options)
    if labels and kind is not Gauge:  # a gauge that nobody sets is absent, not 0
        for values in product(*labels.values()):
            metric.labels(*values)
    return metric


def _counter(name: str, meaning: str, **labels: Values) -> Counter:
    return _declare(Counter, name, meaning, labels)


def _gauge(name: str, meaning: str, **labels: Values) -> Gauge:
    return _declare(Gauge, name, meaning, labels)


def _histogram(name: str, meaning: str, buckets: tuple[float, ...], **labels: Values) -> Histogram:
    return _declare(Histogram, name, meaning, labels, buckets=buckets)


# Events

EVENTS_ACCEPTED: Final = _counter(
    "events_accepted_total",
    "Valid events that the dispatcher read from events.to_dispatch; a second copy of an event counts again.",
)
EVENTS_DISPATCHED: Final = _counter(
    "events_dispatched_total",
    "Events whose deliveries were stored and whose tasks the broker confirmed; a second copy of an event counts as "
    "accepted but not as dispatched.",
)
EVENTS_DEFERRED: Final = _counter(
    "events_set_aside_total",
    "Events that the dispatcher deferred to events.set_aside, because their tenant had its share of the work "
    "already.",
)
EVENTS_REJECTED: Final = _counter(
    "events_rejected_total",
    "Events that were refused: by the dispatcher, as a dead letter in notifications.dlq.event (invalid_event, "
    "internal_error), or by POST /api/v1/events.",
    reason=REJECTIONS,
)
DELIVERIES_CREATED: Final = _counter(
    "deliveries_created_total",
    "Deliveries that the dispatcher planned: one for each event and each subscription or recipient it goes to.",
    channel=CHANNELS,
)

# Deliveries

DELIVERIES_FINISHED: Final = _counter(
    "deliveries_finished_total",
    "Deliveries that ended: the receiver has it (delivered), it was given up (dead), or it was not sent but can be "
    "recovered (skipped).",
    channel=CHANNELS,
    outcome=tuple(state.value for state in FINISHED),
)
ATTEMPTS: Final = _counter(
    "delivery_attempts_total",
    "Attempts to deliver that were recorded, by outcome.",
    channel=CHANNELS,
    outcome=ATTEMPT_OUTCOMES,
)
ATTEMPT_DURATION: Final = _histogram(
    "attempt_duration_seconds",
    "Seconds from the start of an attempt to the end of the receiver's answer, or to the failure.",
    ATTEMPT_BUCKETS,
    channel=CHANNELS,
)
SINCE_EVENT: Final = _histogram(
    "delivery_since_event_seconds",
    "Seconds from the event's own time (as its producer states it) to the answer with which the receiver took it; "
    "delivered ones only, waits between attempts included.",
    LATENCY_BUCKETS,
    channel=CHANNELS,
)
SINCE_ACCEPTANCE: Final = _histogram(
    "delivery_since_acceptance_seconds",
    "Seconds from the moment the event was handed to Signalpost to the answer with which the receiver took it; "
    "delivered ones only, waits between attempts included.",
    LATENCY_BUCKETS,
    channel=CHANNELS,
)
ATTEMPTS_IN_FLIGHT: Final = _gauge(
    "attempts_in_flight",
    "Attempts that this process is making right now.",
    channel=CHANNELS,
)
POSTPONED: Final = _counter(
    "deliveries_postponed_total",
    "Tasks that went to a delay queue without costing an attempt: the endpoint's concurrency or rate limit was "
    "reached (endpoint_busy), something of ours was wrong (our_fault), another copy was being sent (second_copy), "
    "a newer version has to read it (newer_version), or there was a bug (see the log).",
    channel=CHANNELS,
    reason=POSTPONEMENTS,
)
DELAYED_TASKS: Final = _counter(
    "ladder_tasks_total",
    "Tasks that were put on a delay queue, by its delay; a long wait takes several. How many wait there now: "
    "signalpost_queue_messages.",
    rung=tuple(DELAY_STEPS),
)
DEAD_LETTERS: Final = _counter(
    "dead_letters_total",
    "Dead letters that a service of ours wrote to notifications.dlq.{channel} (those that the broker writes after "
    "too many redeliveries show only in signalpost_queue_messages).",
    channel=DEAD_LETTER_KEYS,
    reason=tuple(reason.value for reason in DeadReason),
)
LIMIT_REDUCTIONS: Final = _counter(
    "endpoint_bound_reductions_total",
    "How often the limit on requests in flight to an endpoint was halved, because it timed out, could not be "
    "reached or answered 429 or 503.",
)
ENDPOINTS_CONGESTED: Final = _gauge(
    "endpoints_congested",
    "Endpoints whose latest request from this process timed out, could not be reached or was answered 429 or 503. "
    "One of them is its owner's concern; many may have a cause on our side.",
)
WEBHOOKS_DISABLED: Final = _counter(
    "webhooks_disabled_total",
    "Webhooks that Signalpost disabled: the receiver answered 410 (gone) or failed too often (consecutive_failures).",
    reason=DISABLED,
)

# What is stuck, as the reconciler sees it (every dispatcher runs one: take the maximum)

RECONCILER_REPUBLISHED: Final = _counter(
    "reconciler_republished_total",
    "What the reconciler found stuck and published again: deliveries by channel, and events.",
    channel=(*CHANNELS, EVENT),
)
OLDEST_PENDING: Final = _gauge(
    "oldest_pending_delivery_age_seconds",
    "Seconds for which the longest waiting delivery has been due (0 if none is); measured every 15 seconds or more "
    "often. A delivery that waits for its next attempt is not due.",
    channel=CHANNELS,
)
QUEUE_MESSAGES: Final = _gauge(
    "queue_messages",
    "Messages that wait in a queue of ours, without those handed out and not yet acked; measured every 15 seconds "
    "or more often.",
    queue=OPEN,
)

# The process

READY: Final = _gauge(
    "ready",
    "1 if this check of a service holds, else 0; the process is ready if all of its checks hold.",
    service=OPEN,
    check=OPEN,
)
RECONNECTS: Final = _counter(
    "reconnects_total",
    "How often a lost connection to a server of ours was restored.",
    server=(BROKER, DATABASE),
)
REQUESTS: Final = _histogram(
    "http_request_duration_seconds",
    "Seconds from the first byte of a request to the API to the end of its answer.",
    REQUEST_BUCKETS,
    method=OPEN,
    route=OPEN,
    status=OPEN,
)
HTTP_REFUSALS: Final = _counter(
    "http_refusals_total",
    "Connections to this process's HTTP ports that were ended because a client went beyond a limit.",
    reason=HTTP_REFUSED,
)
