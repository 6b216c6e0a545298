"""Writes `definitions.json`: the topology and the users of `users.py`, in the form that RabbitMQ imports.

`python -m deploy.rabbitmq.definitions > deploy/rabbitmq/definitions.json` renews the file. No user in it has a
password, so none can log in: `provision.py` gives each the one that a deployment chose.
"""

import json
import sys
from typing import Any, Final

from deploy.rabbitmq.users import User, exactly, users
from shared.model.topology import EVENTS, Topology, topology

VHOST: Final = "signalpost"
Json = dict[str, Any]


def definitions() -> Json:
    """Return everything that the file holds."""
    declared = topology()
    return {
        "vhosts": [{"name": VHOST}],
        "users": [_user(user) for user in users()],
        "permissions": [_permission(user, declared) for user in users()],
        "topic_permissions": [_topic_permission(user) for user in users() if user.emits is not None],
        "exchanges": [_exchange(exchange.name, exchange.type) for exchange in declared.exchanges],
        "queues": [
            {"vhost": VHOST, "name": queue.name, "durable": True, "auto_delete": False, "arguments": queue.arguments}
            for queue in declared.queues
        ],
        "bindings": [
            {
                "vhost": VHOST,
                "source": binding.exchange,
                "destination": binding.queue,
                "destination_type": "queue",
                "routing_key": binding.routing_key,
                "arguments": binding.arguments,
            }
            for binding in declared.bindings
        ],
    }


def definitions_text() -> str:
    """Return the file's content."""
    return json.dumps(definitions(), indent=2) + "\n"


def _exchange(name: str, type_: str) -> Json:
    flags = {"durable": True, "auto_delete": False, "internal": False}
    return {"vhost": VHOST, "name": name, "type": type_, **flags, "arguments": {}}


def _user(user: User) -> Json:
    return {
        "name": user.name,
        "password_hash": "",
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": list(user.tags),
        "limits": {},
    }


def _permission(user: User, declared: Topology) -> Json:
    exchanges = [exchange.name for exchange in declared.exchanges] if user.declares else []
    queues = [queue.name for queue in declared.queues] if user.declares else []
    return {
        "user": user.name,
        "vhost": VHOST,
        "configure": exactly([*exchanges, *queues]),
        "write": exactly([*user.publishes, *queues]),
        "read": exactly([*exchanges, *user.consumes]),
    }


def _topic_permission(user: User) -> Json:
    return {
        "user": user.name,
        "vhost": VHOST,
        "exchange": EVENTS,
        "write": user.emits,
        "read": exactly(["#"] if user.declares else []),  # the routing key of the one binding of `events`
    }


if __name__ == "__main__":
    sys.stdout.write(definitions_text())
