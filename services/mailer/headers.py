"""How our header fields are written, where Python's own e-mail package can't be trusted with it.

Seen on 3.11: it decodes `=?utf-8?q?=0D=0ABcc:…?=` in a subject and writes the line break out, which makes a header of
the sender's choice; and it writes a long URL or address as an encoded word, which RFC 2047 forbids and nobody reads.
"""

from email import policy
from email.header import Header
from email.headerregistry import BaseHeader, HeaderRegistry, UniqueSingleAddressHeader
from email.policy import Policy
from typing import Any

from shared.mail.values import CONTROL

_LONGEST_WORD = 60  # a longer one would not fit on a line of 76 characters behind "Subject: "


class _Verbatim(BaseHeader):
    """A value that is already in its final form: never decoded, never folded."""

    max_count = 1

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        """Take the value as it is, and only if it is one line."""
        if CONTROL.search(value):
            raise ValueError("a header value is one line without control characters")
        kwds["parse_tree"] = None
        kwds["decoded"] = value

    def fold(self, *, policy: Policy) -> str:
        """The header's line."""
        return f"{self.name}: {self}{policy.linesep}"


class _PlainText(_Verbatim):
    """Text for people: in encoded words if it isn't ASCII, can't be folded, or could be mistaken for them."""

    def fold(self, *, policy: Policy) -> str:
        """The header's lines, at most 76 characters each where encoded (RFC 2047 section 2)."""
        short = all(len(word) <= _LONGEST_WORD for word in self.split(" "))
        literal = self.isascii() and "=?" not in self and short
        text = Header(str(self), "us-ascii" if literal else "utf-8", header_name=self.name, maxlinelen=76)
        return f"{self.name}: {text.encode(linesep=policy.linesep)}{policy.linesep}"


class _Registry(HeaderRegistry):
    """Takes values as they are, but for the subject and the sender's name.

    The standard library's own classes parse each value and make it anew, which is most of what a mail costs.
    """

    def __init__(self) -> None:
        # The stubs ask the default class for a `value_parser`, which our `parse` has no use for; and they let only
        # whole headers be mapped, although the registry joins each class with BaseHeader itself.
        super().__init__(default_class=_Verbatim, use_default_map=False)  # type: ignore[arg-type]
        self.map_to_type("subject", _PlainText)
        self.map_to_type("from", UniqueSingleAddressHeader)  # type: ignore[arg-type]
        self._classes: dict[str, type[BaseHeader]] = {}

    def __getitem__(self, name: str) -> type[BaseHeader]:
        """The class of a header, made once; the standard library makes one for each header of each mail."""
        if name not in self._classes:
            self._classes[name] = super().__getitem__(name)
        return self._classes[name]


# Everything goes out as 7 bit: no server has to offer 8BITMIME, and no relay on the way can break a DKIM signature
# by re-encoding the body.
MAIL_POLICY = policy.SMTP.clone(cte_type="7bit", header_factory=_Registry())
"""CRLF line ends and ASCII headers."""

MAIL_POLICY_UTF8 = MAIL_POLICY.clone(utf8=True)
"""The same for a recipient whose address isn't ASCII (RFC 6532)."""
