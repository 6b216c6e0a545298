"""MongoDB's adapters keep the contracts that their stand-ins are held to."""

import pytest

from shared.storage import Database, Deliveries, Events, Subscriptions
from tests.contracts.stores import DeliveryContract, EventContract, Stores, SubscriptionContract


@pytest.fixture
def stores(database: Database) -> Stores:
    subscriptions = Subscriptions(database)
    return Stores(Deliveries(database, subscriptions), subscriptions, Events(database))


class TestDeliveries(DeliveryContract):
    pass


class TestSubscriptions(SubscriptionContract):
    pass


class TestEvents(EventContract):
    pass
