"""While the mail server can't be used no mail is lost, charged or sent less safely than configured, and it shows."""

import asyncio
import ssl
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trustme
from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.ports import free_port
from deploy.local.stack import Stack
from tests.mail.servers import Mailbox, smtpd
from tests.mail_channel.answering import new_address
from tests.mail_channel.steps import invitation, readiness, smtp_settings
from tests.support.system import System, running_system
from tests.support.waiting import eventually, eventually_here

OUTAGE = 10.0
MAILS = 40


async def publish_invitations(system: System, tenant: str, count: int) -> set[str]:
    addresses = {new_address(f"user{number}") for number in range(count)}
    await asyncio.gather(*(system.publish(invitation(tenant, address)) for address in addresses))
    return addresses


async def wait_until_mailer_says(system: System, status: int) -> None:
    async def look() -> tuple[int, bool]:
        answered, checks = await readiness(system.services["mailer"])
        return answered, checks["mailer.mail_server"]

    await eventually(look, until=lambda seen: seen == (status, status == 200))


async def assert_all_arrived_uncharged(system: System, tenant: str, mailbox: Mailbox, addresses: set[str]) -> None:
    deliveries = await system.wait_for_states(tenant, *["delivered"] * len(addresses), within=40)
    assert {delivery["attempts_made"] for delivery in deliveries} == {1}
    assert sorted(rcpt for mail in mailbox.mails for rcpt in mail.rcpt_tos) == sorted(addresses)
    await wait_until_mailer_says(system, 200)


async def test_mails_wait_out_a_server_that_is_away_for_seconds_and_all_arrive(stack: Stack, tenant: str) -> None:
    port, mailbox = free_port(), Mailbox()
    async with running_system(stack, services=("dispatcher", "mailer"), **smtp_settings(port)) as system:
        addresses = await publish_invitations(system, tenant, MAILS)
        await wait_until_mailer_says(system, 503)
        await asyncio.sleep(OUTAGE)
        await system.wait_for_states(tenant, *["pending"] * MAILS)
        async with smtpd(mailbox, port=port):
            await assert_all_arrived_uncharged(system, tenant, mailbox, addresses)


async def test_a_mail_that_one_mailer_holds_is_not_given_to_another_and_arrives_once(
    stack: Stack, tenant: str
) -> None:
    port, mailbox = free_port(), Mailbox()
    settings = smtp_settings(port) | {"NOTIFICATION_RECONCILE_AFTER": "2s"}
    async with running_system(stack, services=("dispatcher", "mailer", "mailer"), **settings) as system:
        addresses = await publish_invitations(system, tenant, 4)
        await system.wait_for_states(tenant, *["pending"] * 4)
        await asyncio.sleep(OUTAGE)
        async with smtpd(mailbox, port=port):
            await system.wait_for_states(tenant, *["delivered"] * 4, within=40)
            await asyncio.sleep(2)  # what else is on its way comes within the pause between two tries
    assert sorted(rcpt for mail in mailbox.mails for rcpt in mail.rcpt_tos) == sorted(addresses)


class Witness(Mailbox):
    """Notes of each mail whether it came encrypted."""

    def __init__(self) -> None:
        super().__init__()
        self.encrypted: list[bool] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert server.transport is not None
        self.encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        return await super().handle_DATA(server, session, envelope)


@pytest.fixture
def authority(tmp_path: Path) -> tuple[trustme.CA, str]:
    """An authority that vouches for the server, and the file by which the mailer trusts it."""
    made = trustme.CA()
    path = tmp_path / "authority.pem"
    made.cert_pem.write_to_path(path)
    return made, str(path)


async def test_a_server_without_starttls_gets_no_mail_until_it_offers_it(
    stack: Stack, tenant: str, authority: tuple[trustme.CA, str]
) -> None:
    vouching, file = authority
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    vouching.issue_cert("127.0.0.1").configure_cert(context)
    async with AsyncExitStack() as before:
        plain = await before.enter_async_context(smtpd(Mailbox()))
        settings = smtp_settings(plain.port) | {"NOTIFICATION_SMTP_TLS": "starttls", "SSL_CERT_FILE": file}
        async with running_system(stack, services=("dispatcher", "mailer"), **settings) as system:
            addresses = await publish_invitations(system, tenant, 3)
            await wait_until_mailer_says(system, 503)
            sessions = plain.sessions

            await eventually_here(lambda: plain.sessions - sessions, until=lambda more: more >= 3)
            assert plain.mails == []
            await before.aclose()
            async with smtpd(Witness(), port=plain.port, tls_context=context, require_starttls=True) as secure:
                await assert_all_arrived_uncharged(system, tenant, secure, addresses)
                assert secure.encrypted == [True] * 3
        assert plain.mails == []
