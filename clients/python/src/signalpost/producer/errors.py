"""What can go wrong when an event is published; the class says what to do about it.

PublishError
├── TryAgain            publish the same event, with the same id, again later
│   ├── BufferFull      nothing was sent
│   └── PublishTimeout  nobody knows whether it was sent
└── Refused             the same again would be refused again
    ├── InvalidEvent    correct the event
    └── Misconfigured   correct the broker's set-up, or this producer's rights there
"""


class PublishError(Exception):
    """The event is not known to be published."""


class TryAgain(PublishError):
    """Publish the same event again later: with its id unchanged, Signalpost takes both for one."""


class BufferFull(TryAgain):
    """As many events as the buffer holds wait for the broker already; this one was not sent."""


class PublishTimeout(TryAgain):
    """The broker did not confirm in time; the event may have arrived all the same."""


class Refused(PublishError):
    """Publishing the same again changes nothing until something is corrected."""


class InvalidEvent(Refused):
    """The event is not one that Signalpost accepts; the text names the field."""


class Misconfigured(Refused):
    """The broker refuses this producer, or routes its events nowhere; the text says what is missing."""
