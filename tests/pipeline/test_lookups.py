"""What keeps Signalpost itself from looking up a receiver's name is not the receiver's fault."""

from contextlib import aclosing
from uuid import uuid4

from deploy.local.stack import Stack
from services.webhook.handler import LOOKUP_WAIT, WebhookSender
from services.webhook.settings import WebhookSettings
from shared.delivery import Unable
from shared.delivery.context import WorkerContext
from shared.outbound import LookupsExhausted, OutboundPolicy, SystemResolver, outbound_session
from shared.settings import load
from shared.stall import StallWatch
from shared.storage import Slots
from tests.support.values import a_task, a_webhook


class NoFreeThread(SystemResolver):
    """A resolver whose threads all wait for others' name servers."""

    async def resolve(self, *args: object, **kwargs: object) -> list[object]:  # type: ignore[override]
        raise LookupsExhausted


async def test_want_of_a_free_lookup_is_no_attempt(stack: Stack) -> None:
    settings = load(
        WebhookSettings,
        environment="development",
        amqp_url=stack.environment()["AMQP_URL"],
        mongodb_url=stack.environment()["MONGODB_URL"],
        mongodb_database=f"test-{uuid4().hex[:12]}",
    )
    policy = OutboundPolicy(environment_is_production=False)
    watch = StallWatch()
    async with (
        aclosing(WorkerContext.from_settings(settings, name="tests")) as context,
        outbound_session(policy, connect_timeout=5, resolver=NoFreeThread()) as session,
    ):
        stored, _ = settings.keyring().create("wh_1")
        await context.subscriptions.add(a_webhook(secret=stored))
        slots = Slots(context.database)
        sender = WebhookSender(settings, context.subscriptions, slots, policy, session, watch, None)
        result = await sender.send(a_task(), 1)
        watch.stop()
    assert isinstance(result, Unable)
    assert result.wait == LOOKUP_WAIT
