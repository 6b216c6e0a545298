"""Puts the mailer together."""

import asyncio

from services.mailer.client import SmtpPool
from services.mailer.sender import MailSender
from services.mailer.settings import MailerSettings
from shared.delivery.context import WorkerContext, consumer_for
from shared.delivery.worker import DeliveryWorker
from shared.model.topology import EMAIL, to_send_queue
from shared.storage.branding import Brandings

PREFETCH = 100
"""Several mails for each SMTP session, so that no session waits for the broker."""


class Mailer:
    """The mailer as a service of the runtime."""

    name = "mailer"

    def __init__(self, settings: MailerSettings) -> None:
        self._context = context = WorkerContext.from_settings(settings, name=self.name)
        self._pool = SmtpPool(settings.smtp())
        self._sender = MailSender(settings, context.subscriptions, Brandings(context.database), self._pool)
        worker = DeliveryWorker(EMAIL, self._sender, context)
        self._consumer = consumer_for(
            settings, to_send_queue(EMAIL), worker.handle, name=f"{self.name}.consumer", prefetch=PREFETCH
        )

    def checks(self) -> dict[str, bool]:
        """Return the conditions for sending."""
        return {
            "broker": self._consumer.is_ready,
            "database": self._context.database.is_ready,
            "mail_server": self._sender.is_ready,
            "public_url": self._sender.has_links,
        }

    async def run(self) -> None:
        """Send until stopped."""
        watching = asyncio.create_task(self._sender.watch())
        try:
            async with self._context.watched():
                await self._consumer.run()
        finally:
            watching.cancel()

    async def stop(self) -> None:
        """Finish and record the attempts in flight, then close."""
        self._sender.drain()
        await self._consumer.stop()
        await self._pool.aclose()
        await self._context.aclose()
