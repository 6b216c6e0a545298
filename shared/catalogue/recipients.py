"""Events that are mailed to the people their data names, whether or not they subscribed."""

from collections.abc import Mapping
from typing import Any, Final

MAIL_RECIPIENTS: Final[Mapping[str, str]] = {"user.invited": "email", "billing.export.ready": "recipients"}
"""Event type -> the field of its data that holds one mail address or a list of them."""


def direct_recipients(event_type: str, data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the mail addresses that the data names, each once; empty for a type without direct recipients.

    The data must have passed `Catalogue.validate`. Two addresses are the same if they differ only in the case
    of the domain: what is before the @ is the receiving server's to interpret (RFC 5321, section 2.4).
    """
    field = MAIL_RECIPIENTS.get(event_type)
    if field is None:
        return ()
    named = data[field]
    addresses: list[str] = [named] if isinstance(named, str) else named
    unique: dict[str, str] = {}
    for address in addresses:
        unique.setdefault(_mailbox(address), address)
    return tuple(unique.values())


def _mailbox(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.lower()}"
