"""Structured logs: one JSON object (or one readable line) for each event, on standard output.

Event names are dotted and stable; facts are fields, never part of the name. Records of the standard `logging` take
the same form.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import msgspec
import structlog

from shared.process.settings import CoreSettings

_encoder = msgspec.json.Encoder(enc_hook=repr)
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters, line separators and marks of direction."""


def configure_logs(settings: CoreSettings, *, service: str) -> None:
    """Set up logging for this process."""
    shared_steps: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            *shared_steps,
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            *_renderer(settings.log_format),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.log_level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared_steps, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderer(settings.log_format)],
        )
    )
    logging.basicConfig(
        level=max(logging.getLevelNamesMapping()[settings.log_level], logging.WARNING), handlers=[handler]
    )


def _renderer(log_format: str) -> list[Any]:
    if log_format == "console":
        return [_escape, structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())]
    return [_escape, structlog.processors.JSONRenderer(serializer=_json)]


def _escape(_: object, __: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Escape what could move a terminal's cursor or turn its text around: names come from strangers."""
    for name, value in fields.items():
        if isinstance(value, str) and name != "exception" and _UNSAFE.search(value):
            fields[name] = _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), value)
    return fields


def _json(fields: dict[str, object], **_: object) -> str:
    return _encoder.encode(fields).decode()
