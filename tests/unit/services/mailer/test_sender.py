"""What consent, branding, templates and the mail server make of one mail. The server is scripted."""

import asyncio
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any, cast

import pytest
from pydantic import SecretStr

from services.mailer import sender as sender_module
from services.mailer.answer import MailDeferred, MailFault, MailRejected, MailUnavailable, SmtpReceipt
from services.mailer.sender import MailSender
from services.mailer.settings import MailerSettings
from services.mailer.wiring import Mailer
from shared.delivery.result import Delivered, Failed, OurFault, Skipped, SubscriptionDeleted, Withdrawn
from shared.mail.branding import Branding
from shared.model.reasons import DeadReason
from shared.model.system_events import CONFIRMATION
from shared.model.task import Task
from shared.testing.subscriptions import MemorySubscriptions
from tests.support.fresh import a_subscription, a_task
from tests.support.waiting import eventually_here

MASTER_KEYS = "test:dGhlIG1hc3RlciBrZXkgb2YgdGhlIHRlc3RzLCAzMisgYg=="
RECEIPT = SmtpReceipt(code=250, text="2.0.0 Ok", duration=0.01)
INVITATION = (
    b'{"id":"evt_1","type":"user.invited","timestamp":"2026-11-21T10:00:00Z","tenant":"org_1","subject":null,'
    b'"data":{"email":"ana@example.com","accept_url":"https://app.example/accept","role":"admin",'
    b'"organization_name":"Acme"}}'
)


def settings(**changes: Any) -> MailerSettings:
    values: dict[str, Any] = {
        "environment": "production",
        "amqp_url": SecretStr("amqp://127.0.0.1:1/"),
        "mongodb_url": SecretStr("mongodb://127.0.0.1:1/"),
        "secrets_master_keys": SecretStr(MASTER_KEYS),
        "public_url": "https://signalpost.example",
        "notification_smtp_from": "Signalpost <no-reply@example.com>",
    }
    return MailerSettings(**values | changes)


def invitation(**changes: Any) -> Task:
    values: dict[str, Any] = {
        "channel": "email",
        "event_type": "user.invited",
        "subscription_id": "",
        "recipient": "ana@example.com",
        "body": INVITATION,
    }
    return a_task(**values | changes)


@dataclass
class Scene:
    """A mail server that answers as told, and what it was given."""

    answers: list[SmtpReceipt | MailFault] = field(default_factory=lambda: [RECEIPT])
    mails: list[EmailMessage] = field(default_factory=list)
    branding: Branding = field(default_factory=Branding)
    subscriptions: MemorySubscriptions = field(default_factory=MemorySubscriptions)
    checks: int = 0

    async def get(self, tenant_id: str) -> Branding:
        return self.branding

    async def send(self, message: EmailMessage, *, sender: str, recipient: str) -> SmtpReceipt:
        self.mails.append(message)
        answer = self.answers.pop(0)
        if isinstance(answer, MailFault):
            raise answer
        return answer

    async def check(self) -> None:
        self.checks += 1
        if self.checks == 1:
            raise MailUnavailable("still away")

    def sender(self, **changes: Any) -> MailSender:
        return MailSender(settings(**changes), self.subscriptions, cast("Any", self), cast("Any", self))


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_an_invitation_is_rendered_and_sent(scene: Scene) -> None:
    delivered = await scene.sender().send(invitation(), 1)
    assert isinstance(delivered, Delivered)
    assert delivered.attempt.message_id
    (mail,) = scene.mails
    assert mail["To"] == "ana@example.com"
    assert "https://app.example/accept" in mail.as_string()


async def test_a_subscriber_gets_a_link_to_unsubscribe(scene: Scene) -> None:
    await scene.subscriptions.add(a_subscription(id="es_1", channel="email", address="ana@example.com"))
    task = a_task(channel="email", subscription_id="es_1", recipient="ana@example.com")
    assert isinstance(await scene.sender().send(task, 1), Delivered)
    assert "https://signalpost.example/" in scene.mails[0]["List-Unsubscribe"]


async def test_a_request_to_confirm_goes_to_who_has_not_confirmed(scene: Scene) -> None:
    await scene.subscriptions.add(
        a_subscription(id="es_1", channel="email", address="a@example.com", confirmed=False)
    )
    body = INVITATION.replace(b"user.invited", CONFIRMATION.encode())
    task = invitation(subscription_id="es_1", event_type=CONFIRMATION, body=body)
    assert isinstance(await scene.sender().send(task, 1), Delivered)
    assert "https://signalpost.example/" in scene.mails[0].as_string()


@pytest.mark.parametrize(
    ("subscription", "kind"),
    [
        ({"confirmed": False}, Skipped),
        ({"enabled": False}, Withdrawn),
        (None, SubscriptionDeleted),
    ],
    ids=["unconfirmed", "disabled", "deleted"],
)
async def test_who_does_not_want_it_gets_nothing(
    scene: Scene, subscription: dict[str, Any] | None, kind: type
) -> None:
    if subscription is not None:
        await scene.subscriptions.add(a_subscription(**{"id": "es_1", "address": "a@example.com"} | subscription))
    assert isinstance(await scene.sender().send(invitation(subscription_id="es_1"), 1), kind)
    assert scene.mails == []


async def test_a_transport_without_mail_skips(scene: Scene) -> None:
    assert isinstance(await scene.sender(notification_transport="webhook").send(invitation(), 1), Skipped)


async def test_without_public_url_no_mail_to_a_subscriber_leaves(scene: Scene) -> None:
    await scene.subscriptions.add(a_subscription(id="es_1", address="a@example.com"))
    sender = scene.sender(public_url="")
    assert isinstance(await sender.send(invitation(subscription_id="es_1"), 1), OurFault)
    assert not sender.has_links


@pytest.mark.parametrize(
    ("answer", "final"),
    [
        (MailRejected(550, "no such user"), DeadReason.SMTP_REJECTED),
        (MailDeferred(451, "later", "smtp_4xx"), None),
    ],
    ids=["rejected", "deferred"],
)
async def test_the_servers_no_is_an_attempt(scene: Scene, answer: MailFault, final: DeadReason | None) -> None:
    scene.answers = [answer]
    failed = await scene.sender().send(invitation(), 1)
    assert isinstance(failed, Failed)
    assert failed.final is final


async def test_a_recipient_that_is_no_address_is_refused_without_asking_a_server(scene: Scene) -> None:
    failed = await scene.sender().send(invitation(recipient="not an address"), 1)
    assert isinstance(failed, Failed)
    assert (failed.final, scene.mails) == (DeadReason.SMTP_REJECTED, [])


async def test_a_template_that_can_not_be_filled_in_is_dead_with_its_own_reason(scene: Scene) -> None:
    scene.branding = Branding(email_templates={"user_invited_text": "{{nobody_knows_this}}"})
    failed = await scene.sender().send(invitation(), 1)
    assert isinstance(failed, Failed)
    assert failed.final is DeadReason.TEMPLATE_ERROR


async def test_a_mail_server_that_is_away_is_waited_for(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.answers = [MailUnavailable("away"), RECEIPT]
    sender = scene.sender()
    assert isinstance(await sender.send(invitation(), 1), Delivered)
    assert sender.is_ready
    scene.answers = [MailUnavailable("away")]
    monkeypatch.setattr(sender_module, "HOLD_SECONDS", -1.0)
    assert isinstance(await sender.send(invitation(), 1), OurFault)
    assert not sender.is_ready


async def test_a_mailer_that_drains_holds_nothing(scene: Scene) -> None:
    scene.answers = [MailUnavailable("away")]
    sender = scene.sender()
    sender.drain()
    assert isinstance(await sender.send(invitation(), 1), OurFault)


async def test_an_idle_mailer_notices_that_the_server_is_back(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "WATCH_INTERVAL", 0.0)
    scene.answers = [MailUnavailable("away")]
    sender = scene.sender()
    sender.drain()
    await sender.send(invitation(), 1)
    watching = asyncio.create_task(sender.watch())
    await eventually_here(lambda: sender.is_ready)
    watching.cancel()
    assert scene.checks == 2


async def test_a_mailer_that_has_not_started_is_not_ready_and_can_be_stopped() -> None:
    mailer = Mailer(settings())
    assert mailer.checks() == {"broker": False, "database": True, "mail_server": True, "public_url": True}
    await mailer.stop()
