"""A server that fails three commands of ten: every mail arrives, and none twice."""

import asyncio

from deploy.local.stack import Stack
from tests.mail.moody import Moody
from tests.mail.servers import smtpd
from tests.mail_channel.answering import parsed
from tests.mail_channel.steps import invitation, smtp_settings
from tests.support.system import running_system
from tests.support.waiting import eventually

MAILS = 500


async def test_500_mails_survive_a_server_that_fails_three_commands_of_ten(stack: Stack, tenant: str) -> None:
    schedule = ",".join(["100ms"] * 20)
    async with (
        smtpd(Moody()) as server,
        running_system(
            stack,
            services=("dispatcher", "mailer"),
            **smtp_settings(server.port),
            NOTIFICATION_RETRY_SCHEDULE=schedule,
        ) as system,
    ):
        addresses = [f"user{number}@example.com" for number in range(MAILS)]
        await asyncio.gather(*(system.publish(invitation(tenant, address)) for address in addresses))

        async def ended() -> int:
            return await system.database.deliveries.count_documents({"state": {"$in": ["delivered", "dead"]}})

        await eventually(ended, until=lambda count: count == MAILS, within=120)
        assert {delivery["state"] for delivery in await system.deliveries(tenant)} == {"delivered"}
        ids = [parsed(mail)["Message-ID"] for mail in server.mails]
        assert len(ids) == len(set(ids)) == MAILS
        assert {mail.rcpt_tos[0] for mail in server.mails} == set(addresses)
        assert server.refused.total() > MAILS
