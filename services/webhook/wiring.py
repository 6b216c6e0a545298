"""Puts the webhook consumer together."""

from services.webhook.sender import WebhookSender
from services.webhook.settings import WebhookSettings
from services.webhook.stall import StallWatch
from shared.delivery.context import WorkerContext, consumer_for
from shared.delivery.worker import DeliveryWorker
from shared.model.topology import WEBHOOK, to_send_queue
from shared.outbound.policy import OutboundPolicy
from shared.outbound.session import outbound_session
from shared.storage import RateLimiter

PREFETCH = 500
"""Concurrent deliveries of one process: at 10 ms a request this is far more than one core can send."""
CONNECT_TIMEOUT_SHARE = 0.5
"""The share of the total timeout that a connect may take."""


class WebhookConsumer:
    """The webhook consumer as a service of the runtime."""

    name = "webhook"

    def __init__(self, settings: WebhookSettings) -> None:
        self._context = context = WorkerContext.from_settings(settings, name=self.name)
        policy = OutboundPolicy.from_settings(settings)
        self._session = outbound_session(
            policy, connect_timeout=settings.notification_http_timeout * CONNECT_TIMEOUT_SHARE
        )
        self._stall_watch = StallWatch()
        sender = WebhookSender(
            settings,
            context.subscriptions,
            RateLimiter(context.database),
            policy,
            self._session,
            self._stall_watch,
            context.tracing,
        )
        worker = DeliveryWorker(WEBHOOK, sender, context)
        self._consumer = consumer_for(
            settings, to_send_queue(WEBHOOK), worker.handle, name=f"{self.name}.consumer", prefetch=PREFETCH
        )

    def checks(self) -> dict[str, bool]:
        """Return the conditions for sending."""
        return {"broker": self._consumer.is_ready, "database": self._context.database.is_ready}

    async def run(self) -> None:
        """Send until stopped."""
        async with self._context.watched():
            await self._consumer.run()

    async def stop(self) -> None:
        """Finish and record the attempts in flight, then close."""
        await self._consumer.stop()
        self._stall_watch.stop()
        await self._session.close()
        await self._context.aclose()
