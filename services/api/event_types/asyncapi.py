"""Describes the exchange `events` as an AsyncAPI 3.0 document, for producers and for the tools they use.

The application described is Signalpost: it `receive`s the product's events and `send`s its own. Everything comes
from the catalogue and the topology; this module adds only the form. Pure: no I/O.
"""

from typing import Any, Final
from urllib.parse import urlsplit

from shared.catalogue import Catalogue, EventType, JsonObject
from shared.model.event import EVENT_CONTENT_TYPE, OWN_SOURCE
from shared.model.topology import EVENTS
from signalpost.amqp.urls import each_url

_SERVER: Final = "rabbitmq"
_DESCRIPTION = (
    "Publish an event to the exchange `events` with its type as routing key, persistent and mandatory, and wait for "
    "the confirm: an event that was confirmed is not lost. The same (`tenantid`, `source`, `id`) twice is one event."
)
_ENVELOPE: JsonObject = {
    "type": "object",
    "description": "CloudEvents 1.0, structured JSON; extension attributes are kept and handed on to receivers.",
    "required": ["specversion", "id", "source", "type", "tenantid"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "minLength": 1, "maxLength": 256, "description": "Unique within source and tenant."},
        "source": {"type": "string", "minLength": 1, "maxLength": 256, "description": "Which program emits it."},
        "type": {"type": "string", "description": "The routing key."},
        "time": {
            "type": "string",
            "format": "date-time",
            "description": "When it happened; by default when it is accepted.",
        },
        "tenantid": {"type": "string", "minLength": 1, "maxLength": 256, "description": "Who it belongs to."},
        "subject": {"type": "string", "minLength": 1, "maxLength": 256, "description": "What it is about."},
        "datacontenttype": {"type": "string", "description": "application/json (the default), or a type in +json."},
        "traceparent": {"type": "string", "description": "W3C Trace Context; the delivery continues the trace."},
    },
}


def asyncapi_document(catalogue: Catalogue, *, amqp_url: str, version: str) -> dict[str, Any]:
    """Return the document: one channel, message and operation for each type of the catalogue.

    `version` is Signalpost's own. Of `amqp_url` only the place is shown, never the credentials.
    """
    entries = catalogue.types.values()
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Signalpost events", "version": version, "description": _DESCRIPTION},
        "defaultContentType": EVENT_CONTENT_TYPE,
        "servers": _servers(amqp_url),
        "channels": {entry.type: _channel(entry) for entry in entries},
        "operations": {_operation_id(entry): _operation(entry) for entry in entries},
        "components": {
            "messages": {entry.type: _message(entry) for entry in entries},
            "schemas": {"envelope": _ENVELOPE} | {_schema_id(entry): _data_schema(entry) for entry in entries},
            "securitySchemes": {"login": {"type": "userPassword"}},
        },
    }


def _servers(amqp_url: str) -> JsonObject:
    first, *others = each_url(amqp_url)
    return {_SERVER: _server(first)} | {f"{_SERVER}{n}": _server(url) for n, url in enumerate(others, start=2)}


def _server(amqp_url: str) -> JsonObject:
    url = urlsplit(amqp_url)
    return {
        "host": url.netloc.rpartition("@")[2],
        "pathname": url.path or "/",
        "protocol": url.scheme,
        "protocolVersion": "0.9.1",
        "security": [_ref("components", "securitySchemes", "login")],
    }


def _channel(entry: EventType) -> JsonObject:
    return {
        "address": entry.type,
        "description": entry.description,
        "messages": {entry.type: _ref("components", "messages", entry.type)},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {"name": EVENTS, "type": "topic", "durable": True, "autoDelete": False},
                "bindingVersion": "0.3.0",
            }
        },
    }


def _operation(entry: EventType) -> JsonObject:
    return {
        "action": "send" if entry.internal else "receive",
        "summary": entry.description,
        "channel": _ref("channels", entry.type),
        "messages": [_ref("channels", entry.type, "messages", entry.type)],
        "bindings": {"amqp": {"deliveryMode": 2, "mandatory": True, "ack": True, "bindingVersion": "0.3.0"}},
    }


def _message(entry: EventType) -> JsonObject:
    return {
        "name": entry.type,
        "summary": entry.description,
        "contentType": EVENT_CONTENT_TYPE,
        "payload": {
            "allOf": [
                _ref("components", "schemas", "envelope"),
                {
                    "type": "object",
                    "properties": {
                        "type": {"const": entry.type},
                        "data": _ref("components", "schemas", _schema_id(entry)),
                    },
                },
            ]
        },
        "examples": [{"payload": _example(entry)}],
    }


def _example(entry: EventType) -> JsonObject:
    return {
        "specversion": "1.0",
        "id": "c1f0b2d4",
        "source": OWN_SOURCE if entry.internal else "/product/service",
        "type": entry.type,
        "time": "2026-11-21T10:00:00Z",
        "tenantid": "org_1",
        "datacontenttype": "application/json",
        "data": entry.example,
    }


def _operation_id(entry: EventType) -> str:
    return f"{'send' if entry.internal else 'receive'}.{entry.type}"


def _schema_id(entry: EventType) -> str:
    return f"data.{entry.type}"


def _data_schema(entry: EventType) -> JsonObject:
    """Return the type's schema with its inner references following it to its place in this document.

    AsyncAPI reads it in its own dialect (draft 07 and more), which knows all that the built-in types use.
    """
    moved: JsonObject = _moved(entry.schema, _ref("components", "schemas", _schema_id(entry))["$ref"])
    return moved


def _moved(schema: Any, root: str) -> Any:
    if isinstance(schema, list):
        return [_moved(item, root) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: root + value[1:]
        if name == "$ref" and isinstance(value, str) and value[:1] == "#"
        else _moved(value, root)
        for name, value in schema.items()
    }


def _ref(*path: str) -> dict[str, str]:
    return {"$ref": "#/" + "/".join(path)}
