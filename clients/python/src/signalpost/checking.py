"""Checks an event, with the same messages for broker and HTTP. Pure."""

from datetime import datetime
from decimal import Decimal

import msgspec

from signalpost.catalogue import Catalogue
from signalpost.cloudevent import Event, InvalidMessage, json_fault, parse_event
from signalpost.event_type import is_event_type


def read_event(body: bytes, catalogue: Catalogue, *, received_at: datetime | None = None) -> Event:
    """Return the event in a body, checked against the schema of its type if the catalogue has one.

    `received_at` is the time of an event that has none.

    Raises:
        InvalidMessage: not a valid event; the text names the field.
    """
    event = parse_event(body, received_at=received_at)
    if not is_event_type(event.type):
        raise InvalidMessage(
            f"type: expected lower-case segments joined by dots, such as certificate.issued, got {event.type!r}"
        )
    if catalogue.get(event.type) is not None:
        problem = catalogue.validate(event.type, _parse_data(event.data))
        if problem is not None:
            raise InvalidMessage(problem)
    return event


_data = msgspec.json.Decoder(float_hook=Decimal)  # 1e400 is legal JSON, but not a float


def _parse_data(data: bytes) -> object:
    try:
        return _data.decode(data)
    except (msgspec.DecodeError, RecursionError, ArithmeticError) as error:
        raise InvalidMessage(f"data: can't be read as JSON: {json_fault(data, error)}") from error
