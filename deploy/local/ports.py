"""Free TCP ports on loopback for servers that must keep theirs over a restart.

The ports lie below the range from which the kernel takes the local ports of outgoing connections. From inside it, a
client that tries to reach a stopped server can be given the server's own port: it then talks to itself, and the
server can't come back.
"""

import random
import socket
from pathlib import Path

_LOWEST = 10_000
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_random = random.SystemRandom()
_given: set[int] = set()


def free_port() -> int:
    """A port nobody listens on now and that this process was not given before."""
    first_ephemeral = int(_EPHEMERAL.read_text().split()[0])
    below = range(_LOWEST, first_ephemeral)
    for _ in range(1000):
        # With a machine-wide range from 1024 on, nothing is left below: any port the kernel names has to do.
        port = _random.choice(below) if len(below) > 1000 else _any_port()
        if port not in _given and is_free(port):
            _given.add(port)
            return port
    raise OSError("no free TCP port found on 127.0.0.1")


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: old connections don't count
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _any_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
