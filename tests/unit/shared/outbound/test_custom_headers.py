"""Custom headers: which names and values an owner may choose."""

import pytest

from shared.outbound.custom_headers import header_problem, is_reserved
from shared.secrets.signing import SIGNED_HEADERS


@pytest.mark.parametrize("name", ["X-Api-Key", "Authorization", "x_under", "Accept", "A", "X-" + "a" * 62])
def test_an_ordinary_header_may_be_added(name: str) -> None:
    assert header_problem(name, "a value; with=\tanything printable") is None


@pytest.mark.parametrize(
    "name",
    [
        *sorted(SIGNED_HEADERS),
        *("Host", "Content-Type", "CONTENT-LENGTH", "content-anything", "Connection", "Transfer-Encoding", "TE"),
        *(
            "Upgrade",
            "Trailer",
            "Keep-Alive",
            "Expect",
            "Proxy-Authorization",
            "User-Agent",
            "X-Delivery-Attempt",
            "traceparent",
            "TraceState",
        ),
    ],
)
def test_what_signalpost_sets_itself_is_reserved_in_any_spelling(name: str) -> None:
    for spelling in (name, name.lower(), name.upper()):
        assert is_reserved(spelling)
        assert "set by Signalpost itself" in str(header_problem(spelling, "x"))


@pytest.mark.parametrize("name", ["", "X A", "X:A", "X\r\nA", "X.A", "$where", "Ä", "x" * 65])
def test_a_name_is_short_and_plain(name: str) -> None:
    assert "name must be" in str(header_problem(name, "x"))


@pytest.mark.parametrize("value", ["", " x", "x ", "a\nb", "a\r\nX-Evil: 1", "a\0", "é", "x" * 1025])
def test_a_value_can_not_break_out_of_its_line_and_is_never_repeated(value: str) -> None:
    problem = str(header_problem("X-A", value))
    assert "printable ASCII" in problem
    assert len(value) < 3 or value not in problem
