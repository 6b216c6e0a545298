"""Who may do what on the broker, as data: one user for each service, one for people, and examples of producers.

A user gets what its program does and nothing more. What all services share: each declares the topology at its
start, and RabbitMQ asks for `configure` on every name, for `write` on each queue and `read` on each exchange
it binds, even if all of it exists already. `write` on a queue does not let anybody publish to it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from shared.catalogue import Catalogue
from shared.model.topology import (
    DEAD,
    DEFER,
    DEFERRED_EVENTS,
    EMAIL,
    EVENTS,
    EVENTS_TO_DISPATCH,
    RETRY,
    TO_SEND,
    WEBHOOK,
    to_send_queue,
    topology,
)

TASKS: Final = (TO_SEND, RETRY)
"""Who publishes tasks needs both: the time until a task is due decides which one it takes."""


@dataclass(frozen=True, kw_only=True)
class User:
    """A user of the broker.

    Attributes:
        declares: whether it declares the topology.
        publishes: the exchanges it publishes to.
        consumes: the queues it takes messages from.
        emits: the routing keys it may publish with to the exchange `events`, as a regular expression; None is any.
        tags: what it may see of the management UI.
    """

    name: str
    declares: bool
    publishes: tuple[str, ...]
    consumes: tuple[str, ...] = ()
    emits: str | None = None
    tags: tuple[str, ...] = ()


def users() -> tuple[User, ...]:
    """Return all users."""
    return (
        User(name="api", declares=True, publishes=(EVENTS, *TASKS)),
        User(
            name="dispatcher",
            declares=True,
            publishes=(EVENTS, DEFER, *TASKS, DEAD),  # events too: again those that the API could only store
            consumes=(EVENTS_TO_DISPATCH, DEFERRED_EVENTS),
        ),
        _sender("webhook", WEBHOOK),
        _sender("mailer", EMAIL),
        User(
            name="operator",
            declares=True,
            publishes=(EVENTS, *TASKS, DEAD),
            # Dead letters are its work; the other queues it can only make anew if it may read them.
            consumes=tuple(queue.name for queue in topology().queues),
            tags=("management",),
        ),
        _producer("producer-wipe", r"certificate\..*", r"proof\..*", r"user\..*", r"billing\.export\.ready"),
        _producer("producer-guardian", r"signing\..*", r"policy\..*", r"signer\..*"),
    )


def exactly(names: Iterable[str]) -> str:
    """Return the regular expression that matches these names; without any, the '' that RabbitMQ takes for none."""
    escaped = [re.escape(name) for name in names]
    if len(escaped) > 1:
        return f"^({'|'.join(escaped)})$"
    return f"^{escaped[0]}$" if escaped else ""


def _sender(name: str, channel: str) -> User:
    own_types = [entry.type for entry in Catalogue.builtin().types.values() if entry.internal]
    return User(
        name=name,
        declares=True,
        publishes=(EVENTS, *TASKS, DEAD),
        consumes=(to_send_queue(channel),),
        emits=exactly(own_types),
    )


def _producer(name: str, *types: str) -> User:
    """Return a producer of the types that match these regular expressions, none of which is one of our own."""
    return User(name=name, declares=False, publishes=(EVENTS,), emits=f"^({'|'.join(types)})$")
