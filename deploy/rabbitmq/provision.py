"""Brings `definitions.json` into a running RabbitMQ and gives its users the passwords of this deployment.

It may run again at any time: it adds what is missing and sets the passwords it was given. A user it was given
none for keeps the one it has. Needs only Python and RabbitMQ's management API, so that it runs in any container.
"""

import hashlib
import json
import os
import secrets
import sys
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

USAGE = """\
RABBITMQ_MANAGEMENT_URL    where the management API answers, such as http://rabbitmq:15672
RABBITMQ_ADMIN_USER        an administrator of the broker
RABBITMQ_ADMIN_PASSWORD    its password
RABBITMQ_PASSWORD_<USER>   the password of a user of definitions.json, such as RABBITMQ_PASSWORD_PRODUCER_WIPE
"""

Json = dict[str, Any]


class Management:
    """The management API, as an administrator."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self._url = url.rstrip("/")
        self._authorization = "Basic " + b64encode(f"{user}:{password}".encode()).decode()

    def call(self, method: str, path: str, body: Json | None = None) -> Any:
        """Call a path below /api/ and return the decoded answer.

        Raises:
            OSError: there is no answer, or one that refuses; then the text says why.
        """
        request = urllib.request.Request(  # noqa: S310 - the operator's own address
            f"{self._url}/api/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": self._authorization, "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                content = answer.read()
        except urllib.error.HTTPError as error:
            raise OSError(f"{method} {path}: {error.code} {error.read()[:500].decode(errors='replace')}") from error
        return json.loads(content) if content else None


def with_passwords(definitions: Json, passwords: Mapping[str, str], existing: frozenset[str]) -> Json:
    """Return the definitions with the given passwords, without the existing users that none is given for."""
    users = [
        user | ({"password_hash": password_hash(passwords[user["name"]])} if user["name"] in passwords else {})
        for user in definitions["users"]
        if user["name"] in passwords or user["name"] not in existing
    ]
    return definitions | {"users": users}


def password_hash(password: str) -> str:
    """Return what RabbitMQ stores of a password: base64(salt + SHA-256(salt + password)), with a salt of 4 bytes."""
    salt = secrets.token_bytes(4)
    return b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def passwords_from(environ: Mapping[str, str], definitions: Json) -> dict[str, str]:
    """Return the passwords that the environment gives to users of the definitions."""
    names = [user["name"] for user in definitions["users"]]
    given = {name: environ.get(f"RABBITMQ_PASSWORD_{name.upper().replace('-', '_')}") for name in names}
    return {name: password for name, password in given.items() if password}


def main(environ: Mapping[str, str]) -> None:
    """Bring everything in."""
    definitions: Json = json.loads(Path(__file__).with_name("definitions.json").read_text())
    try:
        url, user = environ["RABBITMQ_MANAGEMENT_URL"], environ["RABBITMQ_ADMIN_USER"]
        management = Management(url, user, environ["RABBITMQ_ADMIN_PASSWORD"])
    except KeyError as missing:
        sys.exit(f"{missing} is not set\n\n{USAGE}")
    passwords = passwords_from(environ, definitions)
    try:
        existing = frozenset(user["name"] for user in management.call("GET", "users"))
        management.call("POST", "definitions", with_passwords(definitions, passwords, existing))
    except OSError as error:
        sys.exit(f"RabbitMQ at {url} was not set up: {error}")
    print(f"{url}: definitions are in; passwords set for: {', '.join(passwords) or 'nobody'}")  # noqa: T201


if __name__ == "__main__":
    main(os.environ)
