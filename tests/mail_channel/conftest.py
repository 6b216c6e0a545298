"""The whole system beside a mail server of the tests, which answers each recipient as its test wants."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.stack import Stack
from tests.mail.servers import smtpd
from tests.mail_channel.answering import AnsweringMailbox
from tests.mail_channel.steps import PUBLIC_URL, smtp_settings
from tests.support.system import Client, System, running_system


@pytest.fixture(scope="session")
async def mailbox() -> AsyncIterator[AnsweringMailbox]:
    """The mail server."""
    async with smtpd(AnsweringMailbox()) as listening:
        yield listening


@pytest.fixture(scope="session")
async def mail_system(stack: Stack, mailbox: AnsweringMailbox) -> AsyncIterator[System]:
    """All services: three quick attempts for each mail, and a reconciler that looks often."""
    async with running_system(
        stack,
        **smtp_settings(mailbox.port),
        PUBLIC_URL=PUBLIC_URL,
        NOTIFICATION_RETRY_SCHEDULE="200ms,200ms",
        NOTIFICATION_SMTP_TIMEOUT="2s",
        NOTIFICATION_RECONCILE_AFTER="2s",
    ) as running:
        yield running


@pytest.fixture
def client(mail_system: System, tenant: str) -> Client:
    """The API as the test's own tenant sees it."""
    return mail_system.client(tenant)
