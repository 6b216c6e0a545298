"""Production without PUBLIC_URL writes to no subscriber, because no mail could hold the way out; all else works."""

from deploy.local.stack import Stack
from shared.model.subscription import Subscription
from shared.process.clock import utc_now
from shared.storage import Subscriptions
from tests.mail.servers import smtpd
from tests.mail_channel.answering import AnsweringMailbox, new_address
from tests.mail_channel.steps import invitation, readiness, smtp_settings
from tests.support.system import certificate, running_system
from tests.support.waiting import eventually


async def test_production_without_a_public_url_takes_no_subscriptions_and_holds_mails_to_old_ones(
    stack: Stack, tenant: str
) -> None:
    async with (
        smtpd(AnsweringMailbox()) as mailbox,
        running_system(
            stack,
            services=("api", "dispatcher", "mailer"),
            **smtp_settings(mailbox.port),
            ENVIRONMENT="production",
        ) as system,
    ):
        body = {"address": new_address(), "events": ["*"]}
        answer = await system.client(tenant).call("POST", "/api/v1/email-subscriptions", body)
        assert (answer.status, answer.body["code"]) == (503, "public_url_missing")
        assert "PUBLIC_URL" in answer.body["detail"]

        now = utc_now()
        old = Subscription(
            id="es_from_before",
            tenant_id=tenant,
            channel="email",
            events=("certificate.*",),
            subject=None,
            enabled=True,
            address=new_address(),
            created_at=now,
            updated_at=now,
        )
        await Subscriptions(system.database).add(old)
        await system.publish(certificate(tenant, "1"))
        mailer = system.services["mailer"]

        async def missing() -> bool:
            status, checks = await readiness(mailer)
            return (status, checks["mailer.public_url"]) == (503, False)

        await eventually(missing)
        invited = new_address()
        await system.publish(invitation(tenant, invited))
        await mailbox.wait_for(invited)
        [held] = await system.deliveries(tenant, subscription_id=old.id)
        assert (held["state"], held["attempts_made"]) == ("pending", 0)
        assert mailbox.to(old.address) == []
