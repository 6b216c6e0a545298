"""Mail addresses: what can be written to, and what never reaches a server."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.mail.address import InvalidMailAddress, mailbox, needs_smtputf8
from shared.mail.values import CONTROL


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ana@example.com", "ana@example.com"),
        ("  ana@example.com ", "ana@example.com"),
        ("Ana.O'Brien+tag@Example.COM", "Ana.O'Brien+tag@example.com"),
        ("dev@localhost", "dev@localhost"),
        ("ana@müller.example", "ana@xn--mller-kva.example"),
        ("ana@MÜLLER。Example", "ana@xn--mller-kva.example"),
        ("ana@straße.example", "ana@xn--strae-oqa.example"),
        ("ana@xn--mller-kva.example", "ana@xn--mller-kva.example"),
        ("jörg@example.com", "jörg@example.com"),
    ],
)
def test_an_address_is_made_ready_for_an_smtp_command(text: str, address: str) -> None:
    assert mailbox(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ana",
        "@example.com",
        "ana@",
        "ana@exa mple.com",
        "ana@-example.com",
        "ana@example..com",
        "ana@example.com.",
        "ana@[127.0.0.1]",
        "ana@under_score.example",
        "ana@" + "a" * 64 + ".example",
        ".ana@example.com",
        "ana..b@example.com",
        "a@b@example.com",
        '"ana b"@example.com',
        "Ana <ana@example.com>",
        "ana@example.com,bob@example.com",
        "ana@example.com>\r\nRCPT TO:<bob@example.com",
        "ana\n@example.com",
        "ana\x00@example.com",
        "ana\u200b@example.com",
        "=?utf-8?q?=0D=0ABcc?=@example.com",
        "a" * 65 + "@example.com",
        "a@" + ".".join(["b" * 60] * 5),
        "ana@\u2028.example",
    ],
)
def test_anything_else_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(InvalidMailAddress) as refusal:
        mailbox(text)
    assert not CONTROL.search(str(refusal.value))


@given(st.text() | st.from_regex(r"[ -~]{0,12}@[ -~]{0,12}", fullmatch=True))
@example("ana\x85b@example.com")
def test_whatever_passes_is_safe_on_a_command_line_and_in_a_header(text: str) -> None:
    try:
        address = mailbox(text)
    except InvalidMailAddress:
        return
    assert not CONTROL.search(address)
    assert not set(address) & set(' <>()[],;:"\\')
    assert mailbox(address) == address


def test_only_a_local_part_can_need_smtputf8() -> None:
    assert needs_smtputf8(mailbox("jörg@example.com"))
    assert not needs_smtputf8(mailbox("ana@müller.example"))
