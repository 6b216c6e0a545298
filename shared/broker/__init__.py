"""Everything of the server that talks AMQP, on top of `signalpost.amqp`; only these two import an AMQP client.

`Publisher` confirms what it publishes, `Consumer` hands out messages and acks them when told to, `declare`
applies the topology. All three reconnect by themselves, with backoff, for as long as it takes. `browser` is for
people who want to look into queues, and gives up at once.
"""

from shared.broker.consumer import Consumer, Incoming
from shared.broker.publisher import Publisher
from signalpost.amqp.faults import BrokerRefused, BrokerUnavailable
from signalpost.amqp.publisher import Unroutable

__all__ = ["BrokerRefused", "BrokerUnavailable", "Consumer", "Incoming", "Publisher", "Unroutable"]
