"""Sends one mail task: reads the tenant's branding, renders, composes, sends, and reports the result.

While our own mail server can't be used at all (unreachable, login or TLS refused), no attempt is charged: the task is
held unacked, and the mailer reports that it is not ready.
"""

import asyncio
import contextlib
from email.message import EmailMessage

import structlog

from services.mailer.answer import MailDeferred, MailRejected, MailUnavailable, SmtpReceipt
from services.mailer.client import SmtpPool
from services.mailer.compose import compose, message_id
from services.mailer.content import kind_of, variables_for
from services.mailer.outcome import accepted, refused, unrenderable
from services.mailer.settings import MailerSettings
from shared.delivery.ports import SubscriptionStore
from shared.delivery.result import OurFault, Result, Skipped, SubscriptionDeleted, Withdrawn
from shared.mail.address import InvalidMailAddress
from shared.mail.errors import TemplateRefused
from shared.mail.kinds import MailKind
from shared.mail.templates import render
from shared.model.reasons import DeadReason, SkipReason
from shared.model.task import Task
from shared.process.clock import utc_now
from shared.secrets.signed_links import Links, Purpose
from shared.storage.branding import Brandings
from signalpost.backoff import Backoff

log = structlog.get_logger(__name__)

HOLD_SECONDS = 300.0
"""After this long a held mail is deferred: RabbitMQ closes a channel whose message is unacked for 30 minutes."""
HELD_WAIT = 60.0
WATCH_INTERVAL = 5.0


class MailSender:
    """The mail channel's sender."""

    def __init__(
        self, settings: MailerSettings, subscriptions: SubscriptionStore, brandings: Brandings, pool: SmtpPool
    ) -> None:
        self._settings, self._sender, self._links = settings, settings.sender(), settings.links()
        self._subscriptions, self._brandings, self._pool = subscriptions, brandings, pool
        self._is_usable = True
        self._draining = asyncio.Event()
        self._has_missed_links = False

    @property
    def is_ready(self) -> bool:
        """Whether the mail server could be used when it was last tried."""
        return self._is_usable

    @property
    def has_links(self) -> bool:
        """Whether no mail has waited yet because it needs a link and PUBLIC_URL is missing."""
        return not self._has_missed_links

    async def watch(self) -> None:
        """Check an unusable mail server again, even if no mail is sent; runs until cancelled."""
        while True:
            await asyncio.sleep(WATCH_INTERVAL)
            if not self._is_usable:
                with contextlib.suppress(MailUnavailable):
                    await self._pool.check()
                    self._is_usable = True

    def drain(self) -> None:
        """Stop holding mails: what can't be sent now is deferred."""
        self._draining.set()

    async def send(self, task: Task, attempt: int) -> Result:
        """Mail the task's event to its recipient, if it is still wanted."""
        kind = kind_of(task)
        unsent = await self._reason_not_to_send(kind, task)
        if unsent is not None:
            return unsent
        started_at, mail_id = utc_now(), message_id(task.delivery_id, self._sender)
        schedule = self._settings.notification_retry_schedule
        try:
            message = await self._compose(kind, task)
            receipt = await self._send_or_hold(message, task.recipient)
        except TemplateRefused as error:
            return unrenderable(str(error), number=attempt, at=started_at, schedule=schedule)
        except InvalidMailAddress as error:
            rejected = MailRejected(None, f"invalid recipient: {error}")
            return refused(rejected, number=attempt, started_at=started_at, ended_at=utc_now(), schedule=schedule)
        except (MailRejected, MailDeferred) as fault:
            return refused(
                fault,
                number=attempt,
                started_at=started_at,
                ended_at=utc_now(),
                schedule=schedule,
                message_id=mail_id,
            )
        except MailUnavailable as fault:
            return OurFault(detail=fault.detail, wait=HELD_WAIT)
        return accepted(receipt, number=attempt, started_at=started_at, message_id=mail_id)

    async def _reason_not_to_send(self, kind: MailKind, task: Task) -> Result | None:
        transport = self._settings.notification_transport
        if transport != "smtp":
            return Skipped(reason=SkipReason.TRANSPORT_DISABLED, detail=f"NOTIFICATION_TRANSPORT is {transport}")
        if not task.subscription_id:
            return None
        subscription = await self._subscriptions.get(task.subscription_id)
        if subscription is None:
            return SubscriptionDeleted()
        if not subscription.confirmed and kind is not MailKind.CONFIRM_SUBSCRIPTION:
            return Skipped(
                reason=SkipReason.UNCONFIRMED, detail="the recipient has not confirmed, or has unsubscribed"
            )
        if not subscription.enabled:
            return Withdrawn(reason=DeadReason.WEBHOOK_DISABLED, detail="the e-mail subscription is disabled")
        if self._links is None:
            # Never mail a subscriber without an unsubscribe link.
            self._has_missed_links = True
            return OurFault(detail="PUBLIC_URL is not set, so the mail's link can't be made", wait=HELD_WAIT)
        return None

    async def _compose(self, kind: MailKind, task: Task) -> EmailMessage:
        branding = await self._brandings.get(task.tenant_id)
        links = _links_of(kind, task, self._links)
        return compose(
            delivery_id=task.delivery_id,
            event_id=task.event_id,
            sender=self._sender,
            recipient=task.recipient,
            rendered=render(kind, branding.email_templates, variables_for(kind, task, branding, links)),
            date=utc_now(),
            list_unsubscribe_url=links.get("unsubscribe_url"),
        )

    async def _send_or_hold(self, message: EmailMessage, recipient: str) -> SmtpReceipt:
        """Send; wait while the mail server can't be used.

        Raises:
            MailUnavailable: the server stayed unusable for HOLD_SECONDS, or the mailer is stopping.
        """
        backoff = Backoff()
        deadline = asyncio.get_running_loop().time() + HOLD_SECONDS
        while True:
            try:
                receipt = await self._pool.send(message, sender=self._sender.address, recipient=recipient)
            except MailUnavailable as fault:
                self._is_usable = False
                log.warning("mail.server_waits", error=fault.detail)
                if self._draining.is_set() or asyncio.get_running_loop().time() > deadline:
                    raise
                await backoff.wait_unless(self._draining)
            except (MailRejected, MailDeferred):
                self._is_usable = True
                raise
            else:
                self._is_usable = True
                return receipt


def _links_of(kind: MailKind, task: Task, links: Links | None) -> dict[str, str]:
    """Return the signed links of a mail to a subscriber. Created now, so that no queue or database holds them."""
    if not task.subscription_id or links is None:
        return {}
    purpose, name = Purpose.UNSUBSCRIBE, "unsubscribe_url"
    if kind is MailKind.CONFIRM_SUBSCRIPTION:
        purpose, name = Purpose.CONFIRM, "confirm_url"
    return {name: links.url(purpose, task.subscription_id, task.recipient, now=utc_now())}
