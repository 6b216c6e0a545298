"""What can go wrong with the broker: how it looks from inside the client library, and what our callers are told.

BrokerUnavailable       away, or takes nothing now; try again later
  BrokerRefused         it answers, and says no until somebody changes something
ConnectionLost          the connection ended during a wait; one of FAULTS
"""

from typing import Final

from aiormq.exceptions import (
    AMQPError,
    AuthenticationError,
    ChannelAccessRefused,
    ChannelNotFoundEntity,
    InvalidFrameError,
    ProbableAuthenticationError,
)

FAULTS: Final = (AMQPError, ConnectionError, OSError, TimeoutError, RuntimeError)
"""What a lost broker looks like from inside the client library (RuntimeError: the transport is gone)."""
_REFUSALS: Final = (
    AuthenticationError,
    ProbableAuthenticationError,
    InvalidFrameError,  # how aiormq 7 shows a Connection.Close that answers Connection.Open: its text is lost
    ChannelAccessRefused,
    ChannelNotFoundEntity,
)


class BrokerUnavailable(Exception):
    """The broker is away, or does not take the message now; nothing was lost, try again later."""


class BrokerRefused(BrokerUnavailable):
    """The broker answers, and says no: to the login, the virtual host, a right, or a name it does not know.

    It goes on saying so until somebody changes something there, or in our settings.
    """


class ConnectionLost(ConnectionError):
    """The connection was lost or given up during the wait; what was not confirmed may or may not have arrived."""


def is_refusal(error: BaseException) -> bool:
    """Tell whether a fault is the broker's no, and not its absence."""
    return isinstance(error, (BrokerRefused, *_REFUSALS))


def unavailable(error: BaseException) -> BrokerUnavailable:
    """Return what callers are told of a fault of the client library."""
    if isinstance(error, InvalidFrameError):
        return BrokerRefused("the broker refused the virtual host: see that it exists, and that the user may use it")
    return (BrokerRefused if is_refusal(error) else BrokerUnavailable)(f"{type(error).__name__}: {error}")
