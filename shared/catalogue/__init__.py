"""The event catalogue: which types of events exist, what their data looks like, and whom they mail directly.

`product` and `own` hold the built-in types, one family after the other; a deployment adds its own with
EVENT_TYPES_FILE. Checking data is pure and costs microseconds; only `Catalogue.load` reads a file.
"""

from shared.catalogue.catalogue import Catalogue
from shared.catalogue.entry import CatalogueError, EventType, JsonObject
from shared.catalogue.recipients import MAIL_RECIPIENTS, direct_recipients

__all__ = [
    "MAIL_RECIPIENTS",
    "Catalogue",
    "CatalogueError",
    "EventType",
    "JsonObject",
    "direct_recipients",
]
