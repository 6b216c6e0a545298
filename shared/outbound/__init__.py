"""The one door to the outside: what customers' URLs may be, what is dialled for them, and how they are posted to.

`OutboundPolicy` decides (pure), `outbound_session` enforces it where sockets are opened, `post_bounded` sends.
"""

from shared.outbound.failures import NOTHING_SENT, ErrorClass
from shared.outbound.policy import AddressRefused, OutboundPolicy, Refusal, UrlRefused
from shared.outbound.post import HttpAnswer, HttpFailure, post_bounded
from shared.outbound.resolver import LookupsExhausted, SystemResolver, resolve_and_check
from shared.outbound.session import outbound_session

__all__ = [
    "NOTHING_SENT",
    "AddressRefused",
    "ErrorClass",
    "HttpAnswer",
    "HttpFailure",
    "LookupsExhausted",
    "OutboundPolicy",
    "Refusal",
    "SystemResolver",
    "UrlRefused",
    "outbound_session",
    "post_bounded",
    "resolve_and_check",
]
