"""Receives webhooks: verifies that a request comes from Signalpost, and reads the event in it.

    verifier = Verifier(os.environ["WEBHOOK_SECRET"])
    event = verifier.receive(request.headers, request.get_data())  # Flask

`signalpost.receiver.starlette` (FastAPI too) and `signalpost.receiver.django` do it for a route.
"""

from signalpost.receiver.errors import (
    HeaderMissing,
    MalformedBody,
    MalformedHeader,
    NotVerified,
    TimestampOutOfRange,
    WrongSignature,
)
from signalpost.receiver.verifier import MAX_BODY_BYTES, TOLERANCE, ReceivedEvent, Verifier, read_event

__all__ = [
    "MAX_BODY_BYTES",
    "TOLERANCE",
    "HeaderMissing",
    "MalformedBody",
    "MalformedHeader",
    "NotVerified",
    "ReceivedEvent",
    "TimestampOutOfRange",
    "Verifier",
    "WrongSignature",
    "read_event",
]
