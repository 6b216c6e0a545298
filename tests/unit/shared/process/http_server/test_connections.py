"""Who keeps a place at an HTTP server when places are short."""

import pytest

from shared.process.http_server.connections import Client, Connections, client_of
from shared.process.http_server.limits import HttpLimits, Refusal

LIMITS = HttpLimits(
    connections=4,
    connections_per_client=3,
    header_bytes=1024,
    header_time=1,
    body_time=1,
    idle_time=1,
    answer_time=1,
)


class Connected:
    """A connection that only notes its end."""

    def __init__(self) -> None:
        self.displaced = False

    def check(self, now: float) -> None: ...

    def displace(self) -> None:
        self.displaced = True

    def shutdown(self) -> None: ...

    def abort(self) -> None: ...


def _enter(connections: Connections, host: str, *, known: bool = False) -> tuple[Connected, Client | None]:
    connection = Connected()
    client = connections.enter(connection, host)
    if client is not None:
        client.waits_for(connection, known=known)
    return connection, client


def test_at_its_limit_a_client_displaces_its_own_longest_waiting_connection() -> None:
    connections = Connections(LIMITS)
    other, _ = _enter(connections, "192.0.2.2")
    own = [_enter(connections, "192.0.2.1")[0] for _ in range(5)]
    assert [each.displaced for each in own] == [True, True, False, False, False]
    assert not other.displaced


def test_who_never_sent_a_whole_request_goes_first() -> None:
    connections = Connections(LIMITS)
    known, _ = _enter(connections, "192.0.2.1", known=True)
    strangers = [_enter(connections, "192.0.2.1")[0] for _ in range(3)]
    assert (known.displaced, strangers[0].displaced) == (False, True)


def test_at_the_limit_in_all_whoever_has_most_connections_gives_one_up() -> None:
    connections = Connections(LIMITS)
    few, _ = _enter(connections, "192.0.2.2")
    many = [_enter(connections, "192.0.2.1")[0] for _ in range(3)]
    _enter(connections, "192.0.2.3")
    assert (few.displaced, many[0].displaced) == (False, True)


def test_what_is_being_answered_is_displaced_by_nobody() -> None:
    connections = Connections(LIMITS)
    for _ in range(3):
        connection, client = _enter(connections, "192.0.2.1")
        assert client is not None
        client.works_for(connection)
    _, refused = _enter(connections, "192.0.2.1")
    assert refused is None


def test_a_connection_that_left_makes_room() -> None:
    connections = Connections(LIMITS)
    own = [_enter(connections, "192.0.2.1")[0] for _ in range(3)]
    connections.leave(own[0])
    connections.leave(own[0])
    newcomer, _ = _enter(connections, "192.0.2.1")
    assert not any(each.displaced for each in (*own, newcomer))


@pytest.mark.parametrize(
    ("host", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_an_ipv6_network_is_one_client(host: str, client: str) -> None:
    assert client_of(host) == client


@pytest.mark.parametrize("refusal", Refusal)
def test_a_refusal_is_a_whole_answer_that_closes(refusal: Refusal) -> None:
    head, _, body = refusal.answer([(b"x-content-type-options", b"nosniff")]).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0].startswith(b"HTTP/1.1 %d " % refusal.value[0])
    assert b"content-length: %d" % len(body) in lines
    assert {b"connection: close", b"x-content-type-options: nosniff"} <= set(lines)
