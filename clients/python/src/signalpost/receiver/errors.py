"""Why a request is not taken; the class says what is wrong, the text what to look at.

NotVerified
├── HeaderMissing         it is not signed, or a proxy took the headers away
├── MalformedHeader       a header is not what Signalpost writes
├── TimestampOutOfRange   too old or from the future: a recorded request, or a clock that is wrong
└── WrongSignature        another secret, or other bytes than those that were signed
MalformedBody             the signature is right, and the body is no event
"""


class NotVerified(Exception):
    """The request is not known to come from Signalpost: answer 401 and use nothing of it."""


class HeaderMissing(NotVerified):
    """A header that every request of Signalpost has is not there."""


class MalformedHeader(NotVerified):
    """A header can't be read."""


class TimestampOutOfRange(NotVerified):
    """The request was signed too long ago, or in the future."""


class WrongSignature(NotVerified):
    """No signature is right for one of the secrets."""


class MalformedBody(Exception):
    """The request comes from Signalpost, but its body is not the JSON that it posts by default."""
