"""The SMTP inbox, asked as one would ask Mailpit."""

from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiohttp
import aiosmtplib
import pytest

from deploy.local.inbox import Inbox
from deploy.local.mails import Mailbox


def a_mail(subject: str = "Grüße <b>") -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "Ünï <sender@example.org>"
    mail["To"] = "Ada <ada@example.org>"
    mail["Subject"] = subject
    mail["Message-ID"] = "<dlv_1@signalpost.example>"
    mail.set_content("Hello\n\nAda")
    mail.add_alternative("<script>alert('x')</script>", subtype="html")
    return mail


async def send(inbox: Inbox, mail: EmailMessage, *hidden: str) -> None:
    recipients = ["ada@example.org", *hidden]
    await aiosmtplib.send(mail, recipients=recipients, hostname=inbox.host, port=inbox.smtp_port)


async def get(inbox: Inbox, path: str) -> Any:
    async with aiohttp.ClientSession() as session, session.get(inbox.url + path, raise_for_status=True) as answer:
        return await answer.json() if answer.content_type == "application/json" else await answer.text()


@pytest.fixture
async def empty_inbox(inbox: Inbox) -> Inbox:
    url = f"{inbox.url}/api/v1/messages"
    async with aiohttp.ClientSession() as session, session.delete(url, raise_for_status=True) as answer:
        assert await answer.text() == "ok"
    return inbox


async def test_a_mail_is_listed_and_shown_as_mailpit_does(empty_inbox: Inbox) -> None:
    await send(empty_inbox, a_mail(), "hidden@example.org")
    listing = await get(empty_inbox, "/api/v1/messages")
    [summary] = listing["messages"]
    assert (listing["total"], listing["messages_count"]) == (1, 1)
    assert summary["MessageID"] == "dlv_1@signalpost.example"
    assert summary["From"] == {"Name": "Ünï", "Address": "sender@example.org"}
    assert summary["To"] == [{"Name": "Ada", "Address": "ada@example.org"}]
    assert summary["Bcc"] == [{"Name": "", "Address": "hidden@example.org"}]
    assert (summary["Subject"], summary["Snippet"]) == ("Grüße <b>", "Hello Ada")

    details = await get(empty_inbox, f"/api/v1/message/{summary['ID']}")
    assert details.items() >= {"ID": summary["ID"], "Text": "Hello\r\n\r\nAda\r\n"}.items()
    assert details["HTML"] == "<script>alert('x')</script>\r\n"
    headers = await get(empty_inbox, f"/api/v1/message/{summary['ID']}/headers")
    assert headers["Message-Id" if "Message-Id" in headers else "Message-ID"] == ["<dlv_1@signalpost.example>"]


async def test_mails_outlive_a_crash_on_the_same_ports_and_wiping_empties_it(empty_inbox: Inbox) -> None:
    await send(empty_inbox, a_mail("first"))
    await send(empty_inbox, a_mail("second"))
    await empty_inbox.kill()
    await empty_inbox.start()
    listing = await get(empty_inbox, "/api/v1/messages?limit=1")
    assert (listing["total"], [mail["Subject"] for mail in listing["messages"]]) == (2, ["second"])

    await empty_inbox.wipe()
    assert (await get(empty_inbox, "/api/v1/messages"))["total"] == 0


async def test_the_page_for_people_lets_no_mail_speak_html(empty_inbox: Inbox) -> None:
    await send(empty_inbox, a_mail("<img src=x onerror=alert(1)>"))
    [mail] = (await get(empty_inbox, "/api/v1/messages"))["messages"]
    pages = [await get(empty_inbox, "/"), await get(empty_inbox, f"/mail/{mail['ID']}")]
    assert all("&lt;img src=x" in page for page in pages)
    assert not any("<img" in page or "<script" in page for page in pages)


async def test_an_unknown_mail_is_not_found(empty_inbox: Inbox) -> None:
    with pytest.raises(aiohttp.ClientResponseError, match="404"):
        await get(empty_inbox, "/api/v1/message/none")


async def test_a_paused_inbox_answers_nobody_until_it_is_resumed(inbox: Inbox) -> None:
    await inbox.pause()
    assert not await inbox.ready()
    await inbox.resume()
    assert await inbox.ready()


def test_only_the_newest_mails_are_kept_in_memory_and_on_disk(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path, limit=2)
    for subject in ("one", "two", "three"):
        mailbox.add(a_mail(subject).as_bytes(), sender="s@example.org", recipients=["ada@example.org"])
    for kept in (mailbox, Mailbox(tmp_path, limit=2)):
        assert [mail.summary()["Subject"] for mail in kept.newest_first()] == ["three", "two"]
