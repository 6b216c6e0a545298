"""Everything that talks to MongoDB; the only package that imports pymongo.

One class for each collection. Every call made for a person takes the tenant; the calls without it are for
the workers, which act on ids that they were handed by the broker.
"""

from shared.storage.database import Database, StorageUnavailable
from shared.storage.deliveries import Deliveries, Delivery
from shared.storage.events import Events, StoredEvent
from shared.storage.slots import Slots
from shared.storage.subscriptions import Subscription, Subscriptions

__all__ = [
    "Database",
    "Deliveries",
    "Delivery",
    "Events",
    "Slots",
    "StorageUnavailable",
    "StoredEvent",
    "Subscription",
    "Subscriptions",
]
