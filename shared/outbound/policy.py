"""The outbound policy: which URLs a customer may register and which addresses are dialled for them.

Pure decisions. The parser is the one that also sends (yarl): attackers bypass such checks where two parsers disagree
about a host. The address, which a URL's text can't show, is checked when a connection is made
(`shared/outbound/session.py`).
"""

import errno
import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address

from yarl import URL

from shared.outbound.addresses import Address, Network, is_public
from shared.process.settings import OutboundSettings

MAX_URL_LENGTH = 2048
_MAX_HOST_LENGTH = 253
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # WHATWG: a host whose last label is a number is an IPv4 address
_UNUSABLE_CHARACTER = re.compile(r"[\x00-\x20\x7f\\]|\s")
_LOCALHOST = re.compile(r"(.+\.)?(localhost[46]?(\.localdomain[46]?)?|ip6-(localhost|loopback))")


class UrlRefusal(StrEnum):
    """Why a URL is refused, for programs; `UrlRefused` carries the sentence for people."""

    MALFORMED = "malformed"
    SCHEME = "scheme"
    CREDENTIALS = "credentials"
    PORT = "port"
    HOST_SPELLING = "host_spelling"
    LOCALHOST = "localhost"
    INTERNAL_NAME = "internal_name"
    PRIVATE_ADDRESS = "private_address"


class UrlRefused(ValueError):
    """The policy forbids a URL.

    Attributes:
        code: the stable word for the reason.
        reason: a sentence for the customer. It never repeats the URL, which may hold a password.
    """

    def __init__(self, code: UrlRefusal, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class AddressRefused(OSError):
    """The policy forbids dialling an address.

    It is an OSError because connecting raises those. The text is constant: customers see it in delivery logs, and it
    must not show what an internal name resolves to.
    """

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "the outbound policy forbids this address")


@dataclass(frozen=True, kw_only=True)
class OutboundPolicy:
    """What this deployment lets customers reach.

    Attributes:
        environment_is_production: only https; otherwise http too.
        allowed_hosts: names (or addresses, spelled exactly as in the URL) that are allowed whatever they resolve to.
            Another name for the same address stays refused.
        allowed_networks: non-public blocks that may be dialled.
    """

    environment_is_production: bool
    allowed_hosts: frozenset[str] = frozenset()
    allowed_networks: tuple[Network, ...] = ()

    @classmethod
    def from_settings(cls, settings: OutboundSettings) -> "OutboundPolicy":
        """Return the policy of the environment.

        Raises:
            ValueError: an allowed host is not a valid host.
        """
        return cls(
            environment_is_production=settings.is_production,
            allowed_hosts=settings.security_outbound_allowed_hosts,
            allowed_networks=settings.security_outbound_allowed_networks,
        )

    def __post_init__(self) -> None:
        """Normalise the operator's spelling of hosts, so that URLs can be compared with them.

        Raises:
            ValueError: an entry is not a host (it has a port, a scheme or a wildcard, say) and would never match.
        """
        hosts = frozenset(host.lower().rstrip(".").strip("[]") for host in self.allowed_hosts)
        for host in hosts:
            try:
                _address(host)
            except UrlRefused:
                raise ValueError(f"{host!r} is not a host: write a name or an IP address, without a port") from None
        object.__setattr__(self, "allowed_hosts", hosts)

    def allows_host(self, host: str) -> bool:
        """Say whether the operator allows this host (a URL's `raw_host`) whatever it resolves to."""
        return host in self.allowed_hosts

    def allows_address(self, address: Address) -> bool:
        """Say whether this address may be dialled for any host."""
        return is_public(address) or any(address in network for network in self.allowed_networks)

    def check_address(self, address: str) -> None:
        """Check the textual address that is about to be dialled.

        Raises:
            AddressRefused: the policy forbids it, or it is not an IP address.
        """
        try:
            allowed = "%" not in address and self.allows_address(ip_address(address))
        except ValueError:
            allowed = False
        if not allowed:
            raise AddressRefused

    def check_url(self, url: str) -> URL:
        """Check a URL's text and return it parsed; nothing is resolved.

        Raises:
            UrlRefused: with a stable code, and a sentence for the URL's author.
        """
        parsed = _parse(url)
        schemes = ("https",) if self.environment_is_production else ("https", "http")
        if parsed.scheme not in schemes:
            raise UrlRefused(UrlRefusal.SCHEME, f"The URL must begin with {' or '.join(f'{s}://' for s in schemes)}.")
        authority = _authority(url)
        if "@" in authority:
            raise UrlRefused(UrlRefusal.CREDENTIALS, "The URL must not contain a user name or password.")
        if not parsed.raw_host:
            raise UrlRefused(UrlRefusal.MALFORMED, "The URL has no host.")
        self._check_host(parsed.raw_host)
        _check_spelling(authority, parsed)
        return parsed

    def _check_host(self, host: str) -> None:
        address = _address(host)
        if self.allows_host(host):
            return
        if address is not None:
            if not self.allows_address(address):
                raise UrlRefused(UrlRefusal.PRIVATE_ADDRESS, PRIVATE_ADDRESS_REASON)
        elif _LOCALHOST.fullmatch(host):
            raise UrlRefused(UrlRefusal.LOCALHOST, "The URL must not point to localhost.")
        elif "." not in host:
            raise UrlRefused(
                UrlRefusal.INTERNAL_NAME, "The host must be a full domain name, such as hooks.example.com."
            )


PRIVATE_ADDRESS_REASON = "The host must have a public internet address; private and reserved ones are refused."


def _parse(url: str) -> URL:
    if len(url) > MAX_URL_LENGTH:
        raise UrlRefused(UrlRefusal.MALFORMED, f"The URL is longer than {MAX_URL_LENGTH} characters.")
    if _UNUSABLE_CHARACTER.search(url):
        raise UrlRefused(UrlRefusal.MALFORMED, "The URL must not contain spaces, control characters or backslashes.")
    try:
        return URL(url)
    except (ValueError, IndexError, AssertionError):  # what yarl is known to raise on hostile text
        raise UrlRefused(UrlRefusal.MALFORMED, "This is not a valid URL.") from None


def _authority(url: str) -> str:
    """Return the raw text between `//` and the path: yarl drops or repairs some of it."""
    return re.split(r"[/?#]", url.partition("//")[2], maxsplit=1)[0]


def _address(host: str) -> Address | None:
    """Read a host that is an IP address; None for a well-formed name."""
    if ":" in host:
        if "%" in host:
            raise UrlRefused(UrlRefusal.HOST_SPELLING, "An IPv6 address must not have a zone id.")
        try:
            return IPv6Address(host)
        except AddressValueError:
            raise UrlRefused(UrlRefusal.HOST_SPELLING, "The host is not a valid IPv6 address.") from None
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return IPv4Address(host)
        except AddressValueError:
            reason = "An IPv4 address must be written as four decimal numbers without leading zeros."
            raise UrlRefused(UrlRefusal.HOST_SPELLING, reason) from None
    if len(host) > _MAX_HOST_LENGTH or not all(_LABEL.fullmatch(label) for label in labels):
        reason = "The host must consist of letters, digits and hyphens between single dots, with no dot at the end."
        raise UrlRefused(UrlRefusal.HOST_SPELLING, reason)
    return None


def _check_spelling(authority: str, parsed: URL) -> None:
    """Refuse a host or port that yarl had to repair: other parsers may read it differently."""
    port = "" if parsed.explicit_port is None else f":{parsed.explicit_port}"
    if parsed.explicit_port == 0 or not authority.endswith(port) or authority.endswith(":"):
        raise UrlRefused(UrlRefusal.PORT, "The port must be a plain number from 1 to 65535, or be left out.")
    is_ipv6 = ":" in (parsed.raw_host or "")  # yarl has checked the address in the brackets, and compresses it
    if not is_ipv6 and authority.removesuffix(port).lower() != parsed.raw_host:
        reason = f"The host must be written in plain ASCII, as {parsed.raw_host}."
        raise UrlRefused(UrlRefusal.HOST_SPELLING, reason)
