"""What the mailer's tests have in common: settings for a server on loopback, and a mail to send."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

from pydantic import SecretStr

from services.mailer.answer import SmtpReceipt
from services.mailer.client import SmtpPool
from services.mailer.compose import compose, parse_sender
from services.mailer.smtp_connection import SmtpSettings
from shared.mail.templates import RenderedMail

SENDER = parse_sender("Signalpost <no-reply@signalpost.test>")
PASSWORD = "correct-horse-battery"


def settings(port: int, **changes: Any) -> SmtpSettings:
    values: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "username": None,
        "password": None,
        "tls": "none",
        "timeout": 5.0,
        "connections": 4,
    }
    return SmtpSettings(**(values | changes))


def with_login(port: int, password: str = PASSWORD, **changes: Any) -> SmtpSettings:
    return settings(port, username="mailer", password=SecretStr(password), **changes)


@asynccontextmanager
async def pool_for(smtp_settings: SmtpSettings, **options: Any) -> AsyncIterator[SmtpPool]:
    pool = SmtpPool(smtp_settings, **options)
    try:
        yield pool
    finally:
        await pool.aclose()


def a_mail(number: int = 0, *, recipient: str = "ana@example.com", text: str = "Hello\n") -> EmailMessage:
    return compose(
        delivery_id=f"dlv_{number}",
        event_id="evt_1",
        sender=SENDER,
        recipient=recipient,
        rendered=RenderedMail(subject=f"Mail {number}", text=text, html="<p>Hello</p>"),
        date=datetime(2026, 11, 21, 10, tzinfo=UTC),
    )


async def send(pool: SmtpPool, number: int = 0, *, recipient: str = "ana@example.com") -> SmtpReceipt:
    return await pool.send(a_mail(number, recipient=recipient), sender=SENDER.address, recipient=recipient)
