"""Verifies a request that was kept as JSON: `secret`, `headers` and `body`."""

import json
from pathlib import Path

from signalpost.receiver import NotVerified, Verifier


def verified_type(path: str) -> str:
    """The type of the event in a request, or why it is not one of Signalpost's."""
    kept = json.loads(Path(path).read_text())
    try:
        return Verifier(kept["secret"]).receive(kept["headers"], kept["body"].encode()).type
    except NotVerified as error:
        return str(error)
