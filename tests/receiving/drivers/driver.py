"""Runs a Python snippet of the receiver guide; see `tests/receiving/verifiers.py`."""

import json
import runpy
import sys
from base64 import b64decode
from typing import Any

from multidict import CIMultiDict

JOB: dict[str, Any] = json.load(sys.stdin)
SNIPPET = runpy.run_path(sys.argv[1])
TOLERANCE = {} if JOB["tolerance"] is None else {"tolerance": JOB["tolerance"]}


def verdict(request: dict[str, Any]) -> str:
    secret, headers, body = request["secret"], CIMultiDict(request["headers"]), b64decode(request["body"])
    try:
        if JOB["scheme"] == "hex":
            accepted = SNIPPET["verify_hex"](secret, headers, body, request["hex_header"])
        else:
            accepted = SNIPPET["verify"](secret, headers, body, **TOLERANCE)
    except Exception as error:  # noqa: BLE001 - whatever the snippet raises is the verdict
        return f"error: {error!r}"
    return {True: "accepted", False: "refused"}[accepted]


json.dump([verdict(request) for request in JOB["requests"]], sys.stdout)
