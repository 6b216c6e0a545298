"""The mail addresses that Signalpost accepts: bare `local@domain`.

Deliberately narrower than RFC 5321: no quoted local parts, no address literals, no display name. An accepted address
is safe on an SMTP command line and in a header.
"""

import re

import idna

_ATEXT = r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\u00a1-\U0010ffff]+"  # RFC 5322 atext, RFC 6532 non-ASCII without C1
_LOCAL = re.compile(rf"{_ATEXT}(?:\.{_ATEXT})*")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_LOCAL_OCTETS = 64  # RFC 5321 section 4.5.3.1.1
_MAILBOX_OCTETS = 254  # RFC 5321 section 4.5.3.1.3: a path has 256 octets with its angle brackets


class InvalidMailAddress(ValueError):
    """The text isn't a usable mail address; the message says why, on one line."""


def mailbox(text: str) -> str:
    """Return the address for an SMTP command: a domain that isn't ASCII becomes A-labels (IDNA 2008, UTS 46).

    The local part stays as it is; one that isn't ASCII needs a server with SMTPUTF8 (`needs_smtputf8`).
    Raises InvalidMailAddress.
    """
    local, at, domain = text.strip().rpartition("@")
    if not at or not local:
        raise InvalidMailAddress(f"{text!r} is not a mail address")
    if not _LOCAL.fullmatch(local) or not local.isprintable() or "=?" in local:
        raise InvalidMailAddress(f"{text!r} has a local part with characters that can't be sent")
    address = f"{local}@{_ascii_domain(domain, text)}"
    if len(local.encode()) > _LOCAL_OCTETS or len(address.encode()) > _MAILBOX_OCTETS:
        raise InvalidMailAddress(f"{text[:80]!r}… is longer than RFC 5321 allows")
    return address


def needs_smtputf8(address: str) -> bool:
    """Tell whether an address needs the SMTPUTF8 extension (RFC 6531)."""
    return not address.isascii()


def _ascii_domain(domain: str, text: str) -> str:
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except idna.IDNAError as error:
            raise InvalidMailAddress(f"{text!r} has a domain that is not a host name ({error})") from error
    if not all(_LABEL.fullmatch(label) for label in domain.split(".")):
        raise InvalidMailAddress(f"{text!r} has a domain that is not a host name")
    return domain.lower()
