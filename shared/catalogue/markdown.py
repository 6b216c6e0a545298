"""Writes the catalogue as a page for people (`docs/events.md`); `python -m shared.catalogue` prints it.

It shows only the catalogue, so the page can't contradict the services.
"""

import json

from shared.catalogue.recipients import MAIL_RECIPIENTS
from signalpost.catalogue import Catalogue
from signalpost.event_type import EventType, JsonObject

_INTRODUCTION = """\
# Events

Generated from the catalogue (`python -m shared.catalogue > docs/events.md`); change the catalogue, not this page.

Every type that a subscription can name, with the fields of its `data`. New fields may appear at any time; ignore
those that you don't know. Times are RFC 3339. `GET /api/v1/event-types` returns the same as JSON Schema 2020-12,
including the types that a deployment adds (`EVENT_TYPES_FILE`).

A subscription asks for an exact type (`signer.paused`), for everything below a prefix (`signer.*`), or for
everything (`*`). Data that does not fit its schema is not delivered: the event becomes a dead letter that names the
field.
"""
_FORMATS = {"date-time": "time", "email": "mail address", "uri": "http(s) URL"}


def events_markdown(catalogue: Catalogue) -> str:
    """Return the page: an overview of all types, then each with its fields and an example."""
    entries = list(catalogue.types.values())
    return "\n".join([_INTRODUCTION, *_overview(entries), *(_section(entry) for entry in entries)])


def _overview(entries: list[EventType]) -> list[str]:
    rows = [
        f"| [`{entry.type}`](#{_anchor(entry.type)}) | {'Signalpost' if entry.internal else 'the product'} "
        f"| {entry.description} |"
        for entry in entries
    ]
    return ["| type | emitted by | meaning |", "|---|---|---|", *rows, ""]


def _section(entry: EventType) -> str:
    fields: dict[str, JsonObject] = entry.schema.get("properties", {})
    required = entry.schema.get("required", ())
    rows = [
        f"| `{name}` | {_kind(schema)} | {'yes' if name in required else ''} | {_meaning(schema)} |"
        for name, schema in fields.items()
    ]
    mailed = MAIL_RECIPIENTS.get(entry.type)
    return "\n".join(
        [
            f"## {entry.type}\n",
            entry.description,
            *([f"\nAlso mailed to the addresses in `{mailed}`, whether or not they subscribed."] if mailed else []),
            "\n| field | kind | required | meaning |",
            "|---|---|---|---|",
            *rows,
            f"\n```json\n{json.dumps(entry.example, indent=2, ensure_ascii=False)}\n```\n",
        ]
    )


def _kind(schema: JsonObject) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    plain: str = schema.get("type", "any")
    form: str = schema.get("format", "")
    return _FORMATS.get(form, plain)


def _meaning(schema: JsonObject) -> str:
    examples = ", ".join(f"`{value}`" for value in schema.get("examples", ()))
    description: str = schema.get("description", "")
    return f"{description} For example {examples}." if examples else description


def _anchor(heading: str) -> str:
    """Return the anchor that GitHub gives a heading: dots vanish."""
    return heading.replace(".", "")
