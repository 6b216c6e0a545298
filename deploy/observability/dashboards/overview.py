"""The first page: do events come in, and deliveries get out?"""

from typing import Final

from deploy.observability.dashboards.panels import Dashboard, Graph, Number
from deploy.observability.dashboards.queries import (
    DEAD_LETTERS,
    DELAY_QUEUES,
    WORK_QUEUES,
    in_queues,
    per_second,
    quantiles,
    rates,
)

_OURS: Final = 'job="signalpost"'

OVERVIEW: Final = Dashboard(
    name="overview",
    title="Overview",
    meaning="Do events come in, and deliveries get out?",
    rows={
        "Now": [
            Number(
                title="Alerts that fire",
                queries={"": 'count(ALERTS{alertstate="firing"}) or vector(0)'},
                bad=1,
            ),
            Number(
                title="Oldest delivery that is due",
                meaning="For how long it has been due; what waits for its next attempt is not.",
                queries={"{{channel}}": "max by (channel) (signalpost_oldest_pending_delivery_age_seconds)"},
                unit="s",
                warn=60,
                bad=300,
            ),
            Number(
                title="Checks that don't hold",
                queries={"": "count(signalpost_ready == 0) or vector(0)"},
                bad=1,
            ),
            Number(
                title="Events",
                queries={"accepted": per_second("signalpost_events_accepted_total")},
                unit="cps",
            ),
            Number(
                title="Delivered",
                queries=rates("signalpost_deliveries_finished_total", "channel", where='outcome="delivered"'),
                unit="cps",
            ),
            Number(
                title="Dead letters in the last hour",
                queries={"": "sum(increase(signalpost_dead_letters_total[1h]))"},
                warn=1,
            ),
        ],
        "Events": [
            Graph(
                title="Events",
                meaning="A copy of an event is accepted, and not dispatched again.",
                queries={
                    "accepted": per_second("signalpost_events_accepted_total"),
                    "dispatched": per_second("signalpost_events_dispatched_total"),
                },
                unit="cps",
            ),
            Graph(
                title="Events that were not taken",
                queries=rates("signalpost_events_rejected_total", "reason"),
                unit="cps",
                stacked=True,
            ),
            Graph(
                title="Deliveries planned",
                queries=rates("signalpost_deliveries_created_total", "channel"),
                unit="cps",
                stacked=True,
            ),
        ],
        "Deliveries": [
            Graph(
                title="Deliveries that ended",
                queries=rates("signalpost_deliveries_finished_total", "channel", "outcome"),
                unit="cps",
                stacked=True,
            ),
            Graph(
                title="From acceptance to the receiver's answer",
                meaning="Delivered ones only; the waits between attempts count.",
                queries=quantiles("signalpost_delivery_since_acceptance_seconds", "channel"),
                unit="s",
            ),
            Graph(
                title="From the event's own time to the receiver's answer",
                meaning="Includes what the producer took to publish it.",
                queries=quantiles("signalpost_delivery_since_event_seconds", "channel"),
                unit="s",
            ),
        ],
        "What waits": [
            Graph(
                title="Work queues",
                queries=in_queues("signalpost_queue_messages", WORK_QUEUES),
            ),
            Graph(
                title="Delay queues",
                meaning="What waits for its next attempt, or for its turn at a busy endpoint.",
                queries=in_queues("signalpost_queue_messages", DELAY_QUEUES),
                stacked=True,
            ),
            Graph(
                title="Dead letters that lie there",
                queries=in_queues("signalpost_queue_messages", DEAD_LETTERS),
                stacked=True,
            ),
            Graph(
                title="Oldest delivery that is due",
                queries={"{{channel}}": "max by (channel) (signalpost_oldest_pending_delivery_age_seconds)"},
                unit="s",
            ),
            Graph(
                title="Sent again by the reconciler",
                meaning="Anything but 0 means that a message was lost: the broker, a purged queue, a killed process.",
                queries=rates("signalpost_reconciler_republished_total", "channel"),
                unit="cps",
            ),
            Graph(
                title="Attempts under way",
                queries={"{{channel}}": "sum by (channel) (signalpost_attempts_in_flight)"},
            ),
        ],
        "API and processes": [
            Graph(
                title="Requests",
                queries=rates("signalpost_http_request_duration_seconds_count", "status"),
                unit="reqps",
                stacked=True,
            ),
            Graph(
                title="Time to answer",
                queries=quantiles("signalpost_http_request_duration_seconds"),
                unit="s",
            ),
            Graph(
                title="Ready",
                meaning="1: the check holds in every process.",
                queries={"{{service}} {{check}}": "min by (service, check) (signalpost_ready)"},
            ),
            Graph(
                title="Connections regained",
                queries=rates("signalpost_reconnects_total", "server", "instance"),
                unit="cps",
            ),
            Graph(
                title="CPU",
                queries=rates("process_cpu_seconds_total", "instance", where=_OURS),
                unit="percentunit",
            ),
            Graph(
                title="Memory",
                queries={"{{instance}}": f"process_resident_memory_bytes{{{_OURS}}}"},
                unit="bytes",
            ),
        ],
    },
)
