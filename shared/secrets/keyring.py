"""Webhook secrets and the key that signs links in mails: derived from a master key, never stored.

A secret is `whsec_` + base64(HKDF-SHA256(master key, salt, info = webhook id, 32 bytes)). What is stored (salt,
master key id, hash) signs nothing without the master key. Nothing in here logs, and no `repr` or error holds
key material. Pure: no I/O.

Nothing is cached either: deriving and checking a secret costs about 10 microseconds, a request some hundred.
"""

import hashlib
import hmac
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.model.subscription import StoredSecret
from shared.secrets.signing import SECRET_PREFIX

MIN_KEY_BYTES = 32
"""A master key has at least as many bytes as the secrets derived from it."""
MIN_DISTINCT_BYTES = 12
"""A key with fewer different bytes is a placeholder: 32 random bytes have about 30, practically never under 12."""
SALT_BYTES = 32
SECRET_BYTES = 32
_LINKS = b"links"  # not a webhook's id, so no webhook's secret can equal this key

_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,32}")  # shorter than a base64 key, so that an error never quotes a key
_REMEDY = "write SECRETS_MASTER_KEYS as id:base64,id:base64 with keys from `openssl rand -base64 32`"


class SecretUnavailable(Exception):
    """A secret can't be derived with the master keys at hand.

    It is our fault, never the receiver's: the delivery waits and no attempt is charged. The message names the master
    key's id and nothing secret.
    """


class Keyring:
    """The master keys of this deployment: the first creates new secrets, all of them open old ones."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = dict(keys)
        self._newest_id = next(iter(self._keys))

    def __repr__(self) -> str:
        return f"Keyring({', '.join(self._keys)})"

    @classmethod
    def parse(cls, text: str) -> "Keyring":
        """Read `id:base64,id:base64`, the newest key first.

        Raises:
            ValueError: no key, a malformed or repeated id, bad base64 or a weak key. The message says which
                entry and what to do, and never repeats key material.
        """
        entries = [entry.strip() for entry in text.split(",") if entry.strip()]
        if not entries:
            raise ValueError(f"there is no master key: {_REMEDY}")
        keys: dict[str, bytes] = {}
        for position, entry in enumerate(entries, start=1):
            key_id, key = _read_entry(entry, position)
            if key_id in keys:
                raise ValueError(f"master key id {key_id} is used twice: give every key an id of its own")
            keys[key_id] = key
        return cls(keys)

    def create(self, webhook_id: str) -> tuple[StoredSecret, str]:
        """Create a secret for this webhook; return what to store, and the secret to show once."""
        salt = secrets.token_bytes(SALT_BYTES)
        secret = _derive(self._keys[self._newest_id], salt, webhook_id)
        return StoredSecret(salt=salt, key_id=self._newest_id, sha256=_fingerprint(secret)), secret

    def open(self, webhook_id: str, stored: StoredSecret) -> str:
        """Derive a stored secret again.

        Raises:
            SecretUnavailable: the master key is missing, or another key has its id now, or the document belongs to
                another webhook, so that the derived text is not the secret that its owner has.
        """
        master = self._keys.get(stored.key_id)
        if master is None:
            raise SecretUnavailable(f"master key {stored.key_id} is not in SECRETS_MASTER_KEYS")
        secret = _derive(master, stored.salt, webhook_id)
        if not hmac.compare_digest(_fingerprint(secret).encode(), stored.sha256.encode()):
            raise SecretUnavailable(f"master key {stored.key_id} does not derive the secret that was issued")
        return secret

    def link_keys(self) -> tuple[bytes, ...]:
        """Return the keys for signed links, one for each master key: the first signs, all of them verify."""
        return tuple(
            HKDF(algorithm=SHA256(), length=SECRET_BYTES, salt=None, info=_LINKS).derive(master)
            for master in self._keys.values()
        )


def _derive(master: bytes, salt: bytes, webhook_id: str) -> str:
    derivation = HKDF(algorithm=SHA256(), length=SECRET_BYTES, salt=salt, info=webhook_id.encode())
    return SECRET_PREFIX + b64encode(derivation.derive(master)).decode()


def _fingerprint(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _read_entry(entry: str, position: int) -> tuple[str, bytes]:
    key_id, colon, encoded = entry.partition(":")
    if not colon or not _KEY_ID.fullmatch(key_id):  # never quote the entry: it may be a bare key
        raise ValueError(f"master key {position} has no id made of letters, digits, '.', '_' or '-': {_REMEDY}")
    try:
        key = b64decode(encoded, validate=True)
    except ValueError:
        raise ValueError(f"master key {key_id} is not base64: {_REMEDY}") from None
    if len(key) < MIN_KEY_BYTES:
        raise ValueError(f"master key {key_id} has {len(key)} bytes, fewer than {MIN_KEY_BYTES}: {_REMEDY}")
    if len(set(key)) < MIN_DISTINCT_BYTES:
        raise ValueError(f"master key {key_id} looks like a placeholder, not like random bytes: {_REMEDY}")
    return key_id, key
