"""Opens the connections of our own processes as `signalpost.amqp` does, with the topology declared."""

from functools import partial

import structlog

from shared.broker.declare import declare
from shared.broker.lenient_decoding import read_any_frame
from shared.model.topology import Topology
from signalpost.amqp import opening
from signalpost.amqp.connection import CONFIRM_TIMEOUT, AmqpConnection

log = structlog.get_logger(__name__)


async def open_connection(
    url: str,
    *,
    name: str,
    confirms: bool,
    topology: Topology | None,
    confirm_timeout: float = CONFIRM_TIMEOUT,
    last: AmqpConnection | None = None,
) -> AmqpConnection:
    """Connect, open the channel and declare the topology (None: declare nothing).

    Raises:
        BrokerRefused: no node took us, and at least one does not let us in, or not declare.
        BrokerUnavailable: no connection, for ten seconds with each node; the text says why.
    """
    read_any_frame()
    return await opening.open_connection(
        url,
        name=name,
        confirms=confirms,
        declarations=declaring(topology),
        confirm_timeout=confirm_timeout,
        last=last,
        log=log,
    )


def declaring(topology: Topology | None) -> opening.Declarations | None:
    """Return what declares the topology on a channel, or None for no topology."""
    return None if topology is None else partial(declare, topology=topology)
