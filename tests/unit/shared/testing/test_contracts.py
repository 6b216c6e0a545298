"""The stand-ins keep the contracts of what they stand for."""

import pytest

from shared.testing.deliveries import MemoryDeliveries
from shared.testing.events import MemoryEvents
from shared.testing.subscriptions import MemorySubscriptions
from tests.contracts.stores import DeliveryContract, EventContract, Stores, SubscriptionContract


@pytest.fixture
def stores() -> Stores:
    subscriptions = MemorySubscriptions()
    return Stores(MemoryDeliveries(subscriptions), subscriptions, MemoryEvents())


class TestDeliveries(DeliveryContract):
    pass


class TestSubscriptions(SubscriptionContract):
    pass


class TestEvents(EventContract):
    pass
