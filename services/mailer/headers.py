"""Writes header fields where Python's e-mail package is unsafe.

Python 3.11 decodes `=?utf-8?q?=0D=0ABcc:…?=` in a subject and writes the line break, so a sender can inject a header.
It also writes a long URL or address as an encoded word, which RFC 2047 forbids and mail programs don't read.
"""

from email import policy
from email.header import Header
from email.headerregistry import BaseHeader, HeaderRegistry, UniqueSingleAddressHeader
from email.policy import Policy
from typing import Any

from shared.mail.values import CONTROL

_LONGEST_WORD = 60  # a longer one would not fit on a line of 76 characters behind "Subject: "


class _Verbatim(BaseHeader):
    """A value in its final form: never decoded, never folded."""

    max_count = 1

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        """Accept the value unchanged, if it is one line."""
        if CONTROL.search(value):
            raise ValueError("a header value is one line without control characters")
        kwds["parse_tree"] = None
        kwds["decoded"] = value

    def fold(self, *, policy: Policy) -> str:
        """Return the header's line."""
        return f"{self.name}: {self}{policy.linesep}"


class _PlainText(_Verbatim):
    """Text for people, in encoded words if it isn't ASCII, can't be folded, or looks like encoded words."""

    def fold(self, *, policy: Policy) -> str:
        """Return the header's lines, at most 76 characters each if encoded (RFC 2047 section 2)."""
        short = all(len(word) <= _LONGEST_WORD for word in self.split(" "))
        literal = self.isascii() and "=?" not in self and short
        text = Header(str(self), "us-ascii" if literal else "utf-8", header_name=self.name, maxlinelen=76)
        return f"{self.name}: {text.encode(linesep=policy.linesep)}{policy.linesep}"


class _Registry(HeaderRegistry):
    """Accepts values unchanged, except the subject and the sender's name.

    The standard library's own classes parse and rebuild each value, which is most of a mail's cost.
    """

    def __init__(self) -> None:
        # The stubs require a `value_parser`, which our `parse` doesn't use, and accept only whole header classes,
        # although the registry combines each class with BaseHeader itself.
        super().__init__(default_class=_Verbatim, use_default_map=False)  # type: ignore[arg-type]
        self.map_to_type("subject", _PlainText)
        self.map_to_type("from", UniqueSingleAddressHeader)  # type: ignore[arg-type]
        self._classes: dict[str, type[BaseHeader]] = {}

    def __getitem__(self, name: str) -> type[BaseHeader]:
        """Return a header's class, created once; the standard library creates one for each header of each mail."""
        if name not in self._classes:
            self._classes[name] = super().__getitem__(name)
        return self._classes[name]


# Everything is sent as 7 bit: servers need no 8BITMIME, and no relay can break a DKIM signature by re-encoding the
# body.
MAIL_POLICY = policy.SMTP.clone(cte_type="7bit", header_factory=_Registry())
"""CRLF line ends and ASCII headers."""

MAIL_POLICY_UTF8 = MAIL_POLICY.clone(utf8=True)
"""The same for a recipient whose address isn't ASCII (RFC 6532)."""
