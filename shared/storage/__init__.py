"""Everything that talks to MongoDB; the only package that imports pymongo.

One class for each collection. Every call made for a person takes the tenant; the calls without it are for the
workers, which act on ids that come from the broker.
"""

from shared.model.delivery import Delivery
from shared.model.event import StoredEvent
from shared.model.subscription import Subscription
from shared.storage.database import Database, StorageUnavailable
from shared.storage.deliveries import Deliveries
from shared.storage.events import Events
from shared.storage.rate_limits import RateLimiter
from shared.storage.subscriptions import Subscriptions

__all__ = [
    "Database",
    "Deliveries",
    "Delivery",
    "Events",
    "RateLimiter",
    "StorageUnavailable",
    "StoredEvent",
    "Subscription",
    "Subscriptions",
]
