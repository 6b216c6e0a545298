"""The keyring: secrets can be derived again, by nobody without the master key, and never leak."""

import hashlib
import os
from base64 import b64decode, b64encode
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from shared.model.subscription import StoredSecret
from shared.secrets.keyring import Keyring, SecretUnavailable

FIRST = b64encode(bytes(range(32))).decode()
SECOND = b64encode(bytes(range(32, 64))).decode()


def test_a_secret_is_derived_again_from_what_is_stored() -> None:
    keyring = Keyring.parse(f"2026:{FIRST}")
    stored, secret = keyring.create("wh_1")
    assert Keyring.parse(f"2026:{FIRST}").open("wh_1", stored) == secret


def test_the_derivation_is_hkdf_sha256_of_master_key_salt_and_webhook_id() -> None:
    """Pinned: changing it would orphan every secret that was ever issued. Computed as RFC 5869 spells it."""
    salt = bytes(range(100, 132))
    extracted = rfc2104_hmac(salt, bytes(range(32)))
    secret = "whsec_" + b64encode(rfc2104_hmac(extracted, b"wh_1\x01")).decode()
    stored = StoredSecret(salt=salt, key_id="a", sha256=hashlib.sha256(secret.encode()).hexdigest())

    assert Keyring.parse(f"a:{FIRST}").open("wh_1", stored) == secret


def rfc2104_hmac(key: bytes, message: bytes) -> bytes:
    padded = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded) + message).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in padded) + inner).digest()


def test_what_is_stored_is_salt_key_id_and_hash_only() -> None:
    stored, secret = Keyring.parse(f"2026:{FIRST}").create("wh_1")
    assert len(stored.salt) == 32
    assert stored.key_id == "2026"
    assert stored.sha256 == hashlib.sha256(secret.encode()).hexdigest()


def test_a_secret_is_one_that_standard_webhooks_libraries_take() -> None:
    _, secret = Keyring.parse(f"2026:{FIRST}").create("wh_1")
    Webhook(secret)
    assert len(b64decode(secret.removeprefix("whsec_"), validate=True)) == 32


def test_every_secret_is_a_new_one() -> None:
    keyring = Keyring.parse(f"2026:{FIRST}")
    assert keyring.create("wh_1")[1] != keyring.create("wh_1")[1]


def test_after_a_rotation_the_first_key_makes_secrets_and_the_old_one_still_opens() -> None:
    old_stored, old_secret = Keyring.parse(f"old:{FIRST}").create("wh_1")
    keyring = Keyring.parse(f"new:{SECOND}, old:{FIRST}")
    new_stored, new_secret = keyring.create("wh_1")

    assert new_stored.key_id == "new"
    assert keyring.open("wh_1", old_stored) == old_secret
    assert keyring.open("wh_1", new_stored) == new_secret


def test_without_its_master_key_a_secret_is_unavailable_and_the_key_is_named() -> None:
    stored, _ = Keyring.parse(f"old:{FIRST}").create("wh_1")
    with pytest.raises(SecretUnavailable, match="master key old is not in SECRETS_MASTER_KEYS"):
        Keyring.parse(f"new:{SECOND}").open("wh_1", stored)


def test_another_key_under_the_same_id_does_not_sign_with_a_wrong_secret() -> None:
    stored, _ = Keyring.parse(f"a:{FIRST}").create("wh_1")
    with pytest.raises(SecretUnavailable, match="master key a does not derive"):
        Keyring.parse(f"a:{SECOND}").open("wh_1", stored)


def test_a_stored_secret_moved_to_another_webhook_is_unavailable() -> None:
    keyring = Keyring.parse(f"a:{FIRST}")
    stored, _ = keyring.create("wh_1")
    with pytest.raises(SecretUnavailable):
        keyring.open("wh_2", stored)


@pytest.mark.parametrize("field", ["salt", "sha256"])
def test_a_damaged_stored_secret_is_unavailable(field: str) -> None:
    keyring = Keyring.parse(f"a:{FIRST}")
    stored, _ = keyring.create("wh_1")
    damaged = replace(stored, salt=bytes(32)) if field == "salt" else replace(stored, sha256="é" * 64)
    with pytest.raises(SecretUnavailable):
        keyring.open("wh_1", damaged)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no master key"),
        (" , ", "no master key"),
        (FIRST, "master key 1 has no id"),
        (f":{FIRST}", "master key 1 has no id"),
        (f"{FIRST}:a", "master key 1 has no id"),
        (f"a:{FIRST},{SECOND}", "master key 2 has no id"),
        (f"a:{FIRST},a:{SECOND}", "id a is used twice"),
        (f"a:{FIRST[:-1]}", "key a is not base64"),
        (f"a:{FIRST[:8]} {FIRST[8:]}", "key a is not base64"),
        ("a:", "key a has 0 bytes, fewer than 32"),
        (f"a:{b64encode(bytes(range(31))).decode()}", "key a has 31 bytes, fewer than 32"),
        (f"a:{b64encode(b'changeme' * 4).decode()}", "key a looks like a placeholder"),
    ],
)
def test_unusable_master_keys_are_refused_with_a_remedy_and_without_key_material(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as refusal:
        Keyring.parse(text)
    message = str(refusal.value)
    assert "openssl rand -base64 32" in message or "an id of its own" in message
    assert not any(material in message for material in (FIRST[:8], SECOND[:8], "Y2hhbmdl"))


@given(st.text(max_size=200))
def test_any_text_is_either_a_keyring_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        Keyring.parse(text)


def test_random_keys_are_never_taken_for_placeholders() -> None:
    for _ in range(1000):
        Keyring.parse(f"a:{b64encode(os.urandom(32)).decode()}")


def test_no_repr_holds_key_material() -> None:
    keyring = Keyring.parse(f"new:{FIRST},old:{SECOND}")
    stored, secret = keyring.create("wh_1")
    assert repr(keyring) == "Keyring(new, old)"
    assert secret.removeprefix("whsec_") not in repr(stored)
