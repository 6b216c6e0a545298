"""Chooses the kind of mail for a task, and its template's variables. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from shared.mail.branding import Branding
from shared.mail.kinds import VARIABLES, MailKind
from shared.model.system_events import CONFIRMATION
from shared.model.task import Task

_DIRECT_KINDS = {
    "user.invited": MailKind.USER_INVITED,
    "billing.export.ready": MailKind.BILLING_EXPORT_READY,
}


def kind_of(task: Task) -> MailKind:
    """Return the kind of mail: the event's own kind for people it names, a plain notice for subscribers."""
    if task.event_type == CONFIRMATION:
        return MailKind.CONFIRM_SUBSCRIPTION
    if task.subscription_id:
        return MailKind.EVENT
    return _DIRECT_KINDS.get(task.event_type, MailKind.EVENT)


def variables_for(kind: MailKind, task: Task, branding: Branding, links: Mapping[str, str]) -> Mapping[str, object]:
    """Return the values for the template's variables: the event's own, then ours, which override them.

    `links` are the signed links of this mail, by the name of their variable.
    """
    body = task.content
    data = _parsed(bytes(body.data))
    values: dict[str, object] = dict(data) if isinstance(data, dict) else {}
    if kind is MailKind.EVENT:
        values = {
            "event_type": task.event_type,
            "event_id": task.event_id,
            "event_time": body.timestamp,
            "subject": body.subject or "",
            "data": data if isinstance(data, str) else _indented(data, bytes(body.data)),
        }
    values |= {
        "app_name": branding.app_name,
        "logo_url": branding.logo_url,
        "email": task.recipient,
        **links,
    }
    if branding.organization_name:
        values["organization_name"] = branding.organization_name
    return {name: values[name] for name in VARIABLES[kind] if values.get(name) not in (None, "")}


def _indented(data: object, raw: bytes) -> str:
    try:
        return json.dumps(data, indent=2, ensure_ascii=False)
    except RecursionError:  # encoding needs more stack than decoding
        return raw.decode()


def _parsed(data: bytes) -> Any:
    # Not msgspec: a number beyond its range is legal JSON and must not stop a mail.
    try:
        return json.loads(data)
    except (ValueError, RecursionError):  # or an integer of thousands of digits
        return data.decode()
