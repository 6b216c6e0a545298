"""The event catalogue: which types of events exist, what their data looks like, and whom they mail directly.

The built-in types are defined in `signalpost.events`, together with what a producer needs to publish them; a
deployment adds its own with EVENT_TYPES_FILE. Checking data is pure and costs microseconds; only `Catalogue.load`
reads a file.
"""

from shared.catalogue.recipients import MAIL_RECIPIENTS, direct_recipients
from signalpost.catalogue import Catalogue
from signalpost.checking import read_event
from signalpost.event_type import CatalogueError, EventType, JsonObject

__all__ = [
    "MAIL_RECIPIENTS",
    "Catalogue",
    "CatalogueError",
    "EventType",
    "JsonObject",
    "direct_recipients",
    "read_event",
]
