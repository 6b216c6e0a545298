"""RabbitMQ, as it sees itself."""

from typing import Final

from deploy.observability.dashboards.panels import Dashboard, Graph, Number
from deploy.observability.dashboards.queries import (
    DEAD_LETTERS,
    DELAY_QUEUES,
    WORK_QUEUES,
    in_queues,
    per_second,
    rates,
)


def _queue_graph(title: str, metric: str, queues: str, meaning: str = "") -> Graph:
    return Graph(title=title, meaning=meaning, queries=in_queues(f"rabbitmq_detailed_queue_{metric}", queues))


BROKER: Final = Dashboard(
    name="broker",
    title="Broker",
    meaning="RabbitMQ, as it sees itself.",
    rows={
        "Now": [
            Number(title="Nodes up", queries={"": 'sum(up{job="rabbitmq"})'}),
            Number(
                title="Memory alarm",
                meaning="1: every publisher is made to wait.",
                queries={"": "max(rabbitmq_alarms_memory_used_watermark)"},
                bad=1,
            ),
            Number(
                title="Disk alarm",
                meaning="1: every publisher is made to wait.",
                queries={"": "max(rabbitmq_alarms_free_disk_space_watermark)"},
                bad=1,
            ),
            Number(title="Connections", queries={"": "sum(rabbitmq_connections)"}),
            Number(title="Channels", queries={"": "sum(rabbitmq_channels)"}),
            Number(title="Consumers", queries={"": "sum(rabbitmq_consumers)"}),
        ],
        "Queues": [
            _queue_graph("Ready: waiting for a consumer", "messages_ready", WORK_QUEUES),
            _queue_graph(
                "Unacked: delivered to consumers",
                "messages_unacked",
                WORK_QUEUES,
                "Flat at its limit: the consumers wait for a server of ours.",
            ),
            _queue_graph("Consumers", "consumers", WORK_QUEUES),
            _queue_graph("Delay queues", "messages_ready", DELAY_QUEUES),
            _queue_graph("Dead letters", "messages_ready", DEAD_LETTERS),
        ],
        "Messages": [
            Graph(
                title="Through the broker",
                queries={
                    "published": per_second("rabbitmq_global_messages_received_total"),
                    "confirmed": per_second("rabbitmq_global_messages_confirmed_total"),
                    "handed out": per_second("rabbitmq_global_messages_delivered_total"),
                    "acked": per_second("rabbitmq_global_messages_acknowledged_total"),
                },
                unit="cps",
            ),
            Graph(
                title="Delivered again",
                meaning="A consumer disconnected before it had settled these messages.",
                queries=rates("rabbitmq_global_messages_redelivered_total"),
                unit="cps",
            ),
            Graph(
                title="Moved on by the broker",
                meaning="Expired: a wait in a delay queue is over. Delivery limit: processes die over the message.",
                queries={
                    "expired": per_second("rabbitmq_global_messages_dead_lettered_expired_total"),
                    "delivery limit": per_second("rabbitmq_global_messages_dead_lettered_delivery_limit_total"),
                },
                unit="cps",
            ),
            Graph(
                title="Returned: no queue wanted it",
                queries=rates("rabbitmq_global_messages_unroutable_returned_total"),
                unit="cps",
            ),
        ],
        "Node": [
            Graph(
                title="Memory",
                queries={
                    "used {{instance}}": "rabbitmq_process_resident_memory_bytes",
                    "limit {{instance}}": "rabbitmq_resident_memory_limit_bytes",
                },
                unit="bytes",
            ),
            Graph(
                title="Disk",
                queries={
                    "free {{instance}}": "rabbitmq_disk_space_available_bytes",
                    "limit {{instance}}": "rabbitmq_disk_space_available_limit_bytes",
                },
                unit="bytes",
            ),
            Graph(
                title="Connections opened and closed",
                queries={
                    "opened": per_second("rabbitmq_connections_opened_total"),
                    "closed": per_second("rabbitmq_connections_closed_total"),
                },
                unit="cps",
            ),
        ],
    },
)
