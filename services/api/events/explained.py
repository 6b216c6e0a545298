"""What became of an event, subscription by subscription."""

from services.api.deliveries.schemas import DeliverySummary
from services.api.events.schemas import ExplainedEvent, SubscriptionVerdict
from services.api.http.context import ApiContext
from shared.diagnosis.sentences import what_became, why_unsent
from shared.model.delivery import Delivery
from shared.model.event import StoredEvent
from shared.model.subscription import Subscription


async def explain_event(context: ApiContext, stored: StoredEvent) -> ExplainedEvent:
    """Return an event with a verdict for each of its tenant's subscriptions.

    Raises:
        StorageUnavailable: the database did not answer.
    """
    tenant_id, event_id = stored.event.tenant_id, stored.event.id
    subscriptions = await context.every_subscription.all(tenant_id)
    deliveries = await context.deliveries.of_event(tenant_id, event_id)
    by_id = {delivery.id: delivery for delivery in deliveries}
    verdicts = [
        _verdict(subscription, stored, by_id.get(subscription.delivery_for(event_id)))
        for subscription in subscriptions
    ]
    return ExplainedEvent.explaining(stored, verdicts, [d for d in deliveries if not d.subscription_id])


def _verdict(subscription: Subscription, stored: StoredEvent, delivery: Delivery | None) -> SubscriptionVerdict:
    if delivery is not None:
        matched, explanation = True, what_became(delivery)
    else:
        matched, explanation = why_unsent(subscription, stored)
    return SubscriptionVerdict(
        subscription_id=subscription.id,
        channel=subscription.channel,
        target=subscription.target,
        matched=matched,
        explanation=explanation,
        delivery=None if delivery is None else DeliverySummary.of(delivery),
    )
