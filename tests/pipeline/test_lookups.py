"""What keeps Signalpost itself from looking up a receiver's name is not the receiver's fault."""

from services.webhook.sender import LOOKUP_WAIT, WebhookSender
from services.webhook.settings import WebhookSettings
from services.webhook.stall import StallWatch
from shared.delivery.result import OurFault
from shared.outbound.policy import OutboundPolicy
from shared.outbound.resolver import LookupsExhausted, SystemResolver
from shared.outbound.session import outbound_session
from shared.process.settings import load
from shared.storage import Database, RateLimiter, Subscriptions
from tests.support.values import a_task, a_webhook


class NoFreeThread(SystemResolver):
    """A resolver whose threads all wait for others' name servers."""

    async def resolve(self, *args: object, **kwargs: object) -> list[object]:  # type: ignore[override]
        raise LookupsExhausted


async def test_want_of_a_free_lookup_is_no_attempt(database: Database) -> None:
    settings = load(WebhookSettings, environment="development")
    policy = OutboundPolicy(environment_is_production=False)
    watch = StallWatch()
    async with outbound_session(policy, connect_timeout=5, resolver=NoFreeThread()) as session:
        stored, _ = settings.keyring().create("wh_1")
        subscriptions = Subscriptions(database)
        await subscriptions.add(a_webhook(secret=stored))
        sender = WebhookSender(settings, subscriptions, RateLimiter(database), policy, session, watch, None)
        result = await sender.send(a_task(), 1)
        watch.stop()
    assert isinstance(result, OurFault)
    assert result.wait == LOOKUP_WAIT
