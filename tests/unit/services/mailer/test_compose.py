"""MIME messages: what each header says, and that nothing gets into one that doesn't belong there."""

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.mailer.compose import SenderAddress, compose, message_id, parse_sender
from shared.mail.address import InvalidMailAddress
from shared.mail.templates import RenderedMail
from shared.mail.values import CONTROL, one_line

FROM = parse_sender("Signalpost <no-reply@signalpost.test>")
HEADERS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "X-Signalpost-Event",
    "MIME-Version",
    "Content-Type",
]


def a_mail(
    *,
    subject: str = "Hello",
    text: str = "Hello\n",
    html: str = "<p>Hello</p>\n",
    sender: SenderAddress = FROM,
    recipient: str = "ana@example.com",
    list_unsubscribe_url: str | None = None,
) -> EmailMessage:
    return compose(
        delivery_id="dlv_abc",
        event_id="evt_1",
        sender=sender,
        recipient=recipient,
        rendered=RenderedMail(subject=subject, text=text, html=html),
        date=datetime(2026, 11, 21, 10, tzinfo=UTC),
        list_unsubscribe_url=list_unsubscribe_url,
    )


def as_received(message: EmailMessage) -> EmailMessage:
    """The message as a mail program reads it."""
    received = email.message_from_bytes(message.as_bytes(), policy=email.policy.default)
    assert isinstance(received, EmailMessage)
    return received


def head_of(message: EmailMessage) -> list[str]:
    return message.as_bytes().decode().partition("\r\n\r\n")[0].split("\r\n")


def subject_of(message: EmailMessage) -> str:
    """The subject as RFC 2047 says it is read, by the older of Python's two parsers, which gets it right."""
    raw = str(email.message_from_bytes(message.as_bytes())["Subject"])
    return str(email.header.make_header(email.header.decode_header(raw.replace("\r\n", ""))))


def body_of(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def test_a_mail_says_who_what_when_and_that_a_machine_wrote_it() -> None:
    mail = as_received(a_mail(subject="Grüße", text="ünï\n", html="<p>ünï</p>\n"))
    assert mail.keys() == HEADERS
    assert mail["From"] == "Signalpost <no-reply@signalpost.test>"
    assert mail["To"] == "ana@example.com"
    assert mail["Subject"] == "Grüße"
    assert mail["Date"] == "Sat, 21 Nov 2026 10:00:00 +0000"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Signalpost-Event"] == "evt_1"
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert (body_of(mail, "plain"), body_of(mail, "html")) == ("ünï\n", "<p>ünï</p>\n")


def test_each_attempt_of_a_delivery_has_the_same_message_id() -> None:
    assert a_mail()["Message-ID"] == a_mail()["Message-ID"] == message_id("dlv_abc", FROM)
    assert message_id("dlv_abc", FROM) == "<dlv_abc@signalpost.test>"


def test_one_click_unsubscribe_is_offered_only_with_a_url() -> None:
    url = "https://signalpost.test/u/" + "a1B2" * 100 + "?x=1"
    lines = head_of(a_mail(list_unsubscribe_url=url))
    assert f"List-Unsubscribe: <{url}>" in lines
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in lines
    assert not any("Unsubscribe" in line for line in head_of(a_mail()))


@pytest.mark.parametrize(
    "url", ["https://x.test/\r\nBcc: a@b.c", "https://x.test/> <mailto:a@b.c", "https://ü.test/", "a" * 990]
)
def test_an_unsubscribe_url_that_could_break_its_header_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"unsubscribe|header"):
        a_mail(list_unsubscribe_url=url)


def test_encoded_words_in_a_subject_stay_text() -> None:
    # Python's own header parser decodes this and writes the line break out: a Bcc of the sender's choice.
    nasty = "=?utf-8?q?=0D=0ABcc:_evil@example.com?= hello"
    message = a_mail(subject=nasty)
    assert as_received(message).keys() == HEADERS
    assert not any("=?utf-8?q?" in line for line in head_of(message))
    assert subject_of(message) == nasty


@pytest.mark.parametrize("subject", ["a\r\nBcc: x@y.z", "a\nb", "a\rb", "a\u2028b", "a\x00b", "a\x85b"])
def test_a_subject_with_a_line_break_or_control_character_is_refused(subject: str) -> None:
    with pytest.raises(ValueError, match=r"one line|linefeed"):
        a_mail(subject=subject)


CLEAN = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=250).map(one_line)


@given(CLEAN | st.text(alphabet="=?utf-8bq_ \U0001f469\u200d\u0301ü", max_size=250).map(one_line))
@example("\U0001f469\u200d\U0001f4bb done")
@example("x" * 250)
@example("ü" * 250)
@example(("word " * 50).strip())
def test_any_subject_arrives_as_it_was_and_brings_no_header(subject: str) -> None:
    message = a_mail(subject=subject)
    assert as_received(message).keys() == HEADERS
    assert subject_of(message) == subject
    assert all(len(line) <= 78 for line in head_of(message))


@given(CLEAN.map(lambda line: line + "\n"), st.lists(CLEAN | st.just("."), max_size=5))
@example("a" * 3000, [])
@example("From here\n", ["..", "."])
def test_any_body_goes_out_as_ascii_in_short_crlf_lines_and_arrives_as_it_was(text: str, lines: list[str]) -> None:
    text = "\n".join([text, *lines]) + "\n"
    raw = a_mail(text=text, html=text).as_bytes()
    assert raw.isascii()
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert body_of(as_received(a_mail(text=text)), "plain") == text


@given(st.text())
@example("ana@example.com\r\nBcc: evil@example.com")
def test_no_recipient_brings_a_header(recipient: str) -> None:
    try:
        message = a_mail(recipient=recipient)
    except InvalidMailAddress:
        return
    assert as_received(message).keys() == HEADERS


def test_a_recipient_at_an_international_domain_is_written_in_ascii() -> None:
    assert "To: ana@xn--mller-kva.example" in head_of(a_mail(recipient="ana@müller.example"))


def test_a_recipient_that_is_not_ascii_is_written_in_utf_8_and_the_rest_as_ever() -> None:
    lines = head_of(a_mail(recipient="jörg@example.com", subject="Grüße"))
    assert "To: jörg@example.com" in lines
    assert "Subject: =?utf-8?b?R3LDvMOfZQ==?=" in lines


def test_a_long_recipient_is_not_broken_up() -> None:
    address = "a" * 64 + "@" + ".".join(["b" * 60] * 3)
    assert f"To: {address}" in head_of(a_mail(recipient=address))


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("no-reply@example.com", "", "no-reply@example.com"),
        ("Acme <no-reply@example.com>", "Acme", "no-reply@example.com"),
        ('"Acme, Inc." <no-reply@example.com>', "Acme, Inc.", "no-reply@example.com"),
        ("Müller <no-reply@müller.example>", "Müller", "no-reply@xn--mller-kva.example"),
    ],
)
def test_a_sender_is_an_address_with_or_without_a_name(text: str, name: str, address: str) -> None:
    sender = parse_sender(text)
    assert sender == SenderAddress(name=name, address=address)
    (got,) = as_received(a_mail(sender=sender))["From"].addresses
    assert (got.display_name, got.addr_spec) == (name, address)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Acme",
        "Acme <>",
        "Acme\r\nBcc: x@y.z <a@b.c>",
        "a@b.c, d@e.f",
        "=?utf-8?q?x?= <a@b.c>",
        "jörg@example.com",
        "Acme <a@b c>",
    ],
)
def test_any_other_sender_is_refused(text: str) -> None:
    with pytest.raises(InvalidMailAddress) as refused:
        parse_sender(text)
    assert not CONTROL.search(str(refused.value))
