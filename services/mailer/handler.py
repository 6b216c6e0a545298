"""Sends one mail task: reads the tenant's branding, renders, composes, sends, and says what came of it.

While our own mail server can't be used at all (unreachable, login or TLS refused) nobody's delivery is
charged: the task is held, unacked, and the mailer says that it is not ready.
"""

import asyncio
from email.message import EmailMessage

import structlog

from services.mailer.client import SmtpPool, SmtpReceipt
from services.mailer.compose import compose
from services.mailer.content import kind_of, variables_for
from services.mailer.outcome import accepted, refused, unrenderable
from services.mailer.settings import MailerSettings
from services.mailer.smtp_faults import MailDeferred, MailRejected, MailUnavailable
from shared.backoff import Backoff
from shared.clock import utc_now
from shared.delivery import Gone, Result, Skipped, Unable, Withdrawn
from shared.mail.address import AddressRefused
from shared.mail.errors import TemplateRefused
from shared.mail.templates import render
from shared.messages import Task
from shared.reasons import DeadReason, SkipReason
from shared.storage import Subscriptions
from shared.storage.branding import Brandings

log = structlog.get_logger(__name__)

HOLD_SECONDS = 300.0
"""A held mail is put on the ladder after this long: RabbitMQ closes a channel whose message is unacked for 30 min."""
HELD_WAIT = 60.0


class MailSender:
    """The mail channel's sender."""

    def __init__(
        self, settings: MailerSettings, subscriptions: Subscriptions, brandings: Brandings, pool: SmtpPool
    ) -> None:
        self._settings, self._sender = settings, settings.sender()
        self._subscriptions, self._brandings, self._pool = subscriptions, brandings, pool
        self._held = 0
        self._draining = asyncio.Event()

    @property
    def is_ready(self) -> bool:
        """Whether no mail is held because the mail server can't be used."""
        return self._held == 0

    def drain(self) -> None:
        """Hold nothing any more: what can't be sent now takes the ladder."""
        self._draining.set()

    async def send(self, task: Task, attempt: int) -> Result:
        """Mail the task's event to its recipient, if it is still wanted."""
        if self._settings.notification_transport != "smtp":
            return Skipped(
                reason=SkipReason.TRANSPORT_DISABLED,
                detail=f"NOTIFICATION_TRANSPORT is {self._settings.notification_transport}",
            )
        if task.subscription_id:
            subscription = await self._subscriptions.get(task.subscription_id)
            if subscription is None:
                return Gone()
            if not subscription.enabled:
                return Withdrawn(reason=DeadReason.WEBHOOK_DISABLED, detail="the e-mail subscription is disabled")
        started_at = utc_now()
        schedule = self._settings.notification_retry_schedule
        try:
            message = await self._compose(task)
            receipt = await self._send_or_hold(message, task.recipient)
        except TemplateRefused as error:
            return unrenderable(str(error), number=attempt, at=started_at, schedule=schedule)
        except AddressRefused as error:
            rejected = MailRejected(None, f"invalid recipient: {error}")
            return refused(rejected, number=attempt, started_at=started_at, ended_at=utc_now(), schedule=schedule)
        except (MailRejected, MailDeferred) as fault:
            return refused(fault, number=attempt, started_at=started_at, ended_at=utc_now(), schedule=schedule)
        except MailUnavailable as fault:
            return Unable(detail=fault.detail, wait=HELD_WAIT)
        return accepted(receipt, number=attempt, started_at=started_at)

    async def _compose(self, task: Task) -> EmailMessage:
        branding = await self._brandings.get(task.tenant_id)
        rendered = render(kind_of(task), branding.email_templates, variables_for(task, branding))
        return compose(
            delivery_id=task.delivery_id,
            event_id=task.event_id,
            sender=self._sender,
            recipient=task.recipient,
            rendered=rendered,
            date=utc_now(),
        )

    async def _send_or_hold(self, message: EmailMessage, recipient: str) -> SmtpReceipt:
        """Send, waiting out a mail server that can't be used.

        Raises:
            MailUnavailable: it was waited for long enough, or the mailer is stopping.
        """
        backoff = Backoff()
        deadline = asyncio.get_running_loop().time() + HOLD_SECONDS
        held = False
        try:
            while True:
                try:
                    return await self._pool.send(message, sender=self._sender.address, recipient=recipient)
                except MailUnavailable as fault:
                    if not held:
                        held = True
                        self._held += 1
                    log.warning("mail.server_waits", error=fault.detail)
                    if self._draining.is_set() or asyncio.get_running_loop().time() > deadline:
                        raise
                    await backoff.wait_unless(self._draining)
        finally:
            self._held -= held
