"""The kinds of mail, the parts of each, and the variables a template may name. Data only."""

from collections.abc import Mapping
from enum import StrEnum


class MailKind(StrEnum):
    """What a mail is about; the value is the prefix of its fields in `email_templates`."""

    USER_INVITED = "user_invited"
    BILLING_EXPORT_READY = "billing_export_ready"
    EVENT = "event"
    CONFIRM_SUBSCRIPTION = "confirm_subscription"


class MailPart(StrEnum):
    """The three parts of a mail; the value is the suffix of the field."""

    SUBJECT = "subject"
    TEXT = "text"
    HTML = "html"


_COMMON = ("app_name", "logo_url", "organization_name", "email")

VARIABLES: Mapping[MailKind, tuple[str, ...]] = {
    MailKind.USER_INVITED: (*_COMMON, "accept_url", "role", "inviter_name", "expires_at"),
    MailKind.BILLING_EXPORT_READY: (
        *_COMMON,
        "export_id",
        "download_url",
        "period_start",
        "period_end",
        "format",
        "expires_at",
    ),
    MailKind.EVENT: (
        *_COMMON,
        "event_type",
        "event_id",
        "event_time",
        "subject",
        "data",
        "unsubscribe_url",
    ),
    MailKind.CONFIRM_SUBSCRIPTION: (*_COMMON, "confirm_url", "events"),
}

URL_VARIABLES = frozenset({"logo_url", "accept_url", "download_url", "unsubscribe_url", "confirm_url"})
"""Only http and https URLs are rendered; anything else becomes empty."""

TIME_VARIABLES = frozenset({"expires_at", "event_time", "period_start", "period_end"})
"""RFC 3339 times, written for people: `2026-11-21 10:00 UTC`."""

FALLBACKS: Mapping[str, str] = {"app_name": "Signalpost"}
"""Defaults for variables without a value; all others are then empty."""

# A confirmation asks a stranger for consent, so customers can't change its text.
TEMPLATE_FIELDS: Mapping[str, tuple[MailKind, MailPart]] = {
    f"{kind}_{part}": (kind, part)
    for kind in MailKind
    if kind is not MailKind.CONFIRM_SUBSCRIPTION
    for part in MailPart
}
"""Every field of `email_templates` that a customer may write, with its kind and part."""

SIZE_LIMITS: Mapping[MailPart, int] = {
    MailPart.SUBJECT: 200,
    MailPart.TEXT: 64 * 1024,
    MailPart.HTML: 256 * 1024,
}
"""The longest template of each part, in octets of UTF-8 (the subject: in characters)."""
