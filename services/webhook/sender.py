"""Sends one webhook task: reads its subscription, derives the secret, signs, posts, and reports the result."""

import asyncio
import time
from functools import lru_cache

from yarl import URL

from services.webhook.concurrency import ConcurrencyLimit, EndpointLimits
from services.webhook.outcome import classify
from services.webhook.request import request_headers
from services.webhook.settings import WebhookSettings
from services.webhook.stall import StallWatch
from shared.delivery.ports import SubscriptionStore
from shared.delivery.result import Busy, Failed, OurFault, Result, Skipped, SubscriptionDeleted, Withdrawn
from shared.model.delivery import Attempt
from shared.model.reasons import DeadReason, SkipReason
from shared.model.retry import RetrySchedule
from shared.model.subscription import Subscription
from shared.model.system_events import TEST_EVENT
from shared.model.task import Task
from shared.outbound.answer import HttpAnswer, HttpFailure
from shared.outbound.policy import OutboundPolicy, UrlRefused
from shared.outbound.post import post_bounded
from shared.outbound.resolver import LookupsExhausted
from shared.outbound.session import OutboundSession
from shared.process.clock import utc_now
from shared.secrets.keyring import SecretUnavailable
from shared.storage import RateLimiter
from shared.telemetry.metrics import ENDPOINTS_CONGESTED
from shared.telemetry.spans import note_status, requesting
from shared.telemetry.tracing import Tracing
from signalpost.traceparent import child_traceparent

SECRET_WAIT = 60.0
"""Seconds until a delivery whose secret can't be derived is tried again: an operator must repair the keys."""
STALL_WAIT = 1.0
LOOKUP_WAIT = 5.0
"""Seconds until a delivery is tried again that found every name lookup taken by other hosts' dead name servers."""
CACHED_URLS = 4096
"""URLs whose text passed the policy, which never changes; addresses are checked at every dial."""
CACHED_SECRETS = 4096
"""Derived secrets. They follow from what is stored, so they never change either."""
CONGESTION = frozenset({"timeout", "connect", "reset", "dns", "http_429", "http_503"})
"""Errors that halve an endpoint's concurrency limit: it is overloaded or unreachable."""


class WebhookSender:
    """The webhook channel's sender."""

    def __init__(
        self,
        settings: WebhookSettings,
        subscriptions: SubscriptionStore,
        rate_limiter: RateLimiter,
        policy: OutboundPolicy,
        session: OutboundSession,
        stall_watch: StallWatch,
        tracing: Tracing | None,
    ) -> None:
        self._settings, self._subscriptions, self._rate_limiter = settings, subscriptions, rate_limiter
        self._session, self._stall_watch = session, stall_watch
        self._tracing = tracing
        self._limits = EndpointLimits()
        ENDPOINTS_CONGESTED.set_function(self._limits.congested)
        self._checked = lru_cache(CACHED_URLS)(policy.check_url)
        self._secret = lru_cache(CACHED_SECRETS)(settings.keyring().open)

    async def send(self, task: Task, attempt: int) -> Result:
        """Post the task's body to the webhook, if it is still wanted."""
        if self._settings.notification_transport == "disabled":
            return Skipped(reason=SkipReason.TRANSPORT_DISABLED, detail="NOTIFICATION_TRANSPORT is disabled")
        webhook = await self._subscriptions.get(task.subscription_id)
        if webhook is None:
            return SubscriptionDeleted()
        if not webhook.enabled and task.event_type != TEST_EVENT:
            return Withdrawn(
                reason=DeadReason.WEBHOOK_DISABLED, detail=f"disabled: {webhook.disabled_reason or 'by its owner'}"
            )
        try:
            secrets = self._secrets(webhook)
        except SecretUnavailable as error:
            return OurFault(detail=str(error), wait=SECRET_WAIT)
        limit = self._limits.of(webhook.id)
        wait = await self._acquire(limit, webhook)
        if wait is not None:
            return Busy(wait)
        began, stalled, congested = time.monotonic(), self._stall_watch.seconds(), True
        try:
            result = await self._post(task, attempt, webhook, secrets)
            congested = isinstance(result, Failed) and result.attempt.error in CONGESTION
        except LookupsExhausted:
            congested = False
            return OurFault(detail="unanswered name lookups of other hosts occupy every thread", wait=LOOKUP_WAIT)
        finally:
            limit.release(duration=time.monotonic() - began, congested=congested)
        if self._stall_watch.seconds() > stalled and isinstance(result, Failed) and result.attempt.status is None:
            return OurFault(detail="this process was stalled during the request", wait=STALL_WAIT)
        return result

    async def _acquire(self, limit: ConcurrencyLimit, webhook: Subscription) -> float | None:
        """Wait until rate limit and concurrency limit allow a request; else return the seconds to defer for."""
        if webhook.rate_limit is not None:
            reservation = await self._rate_limiter.reserve(webhook.id)
            if not reservation.is_reserved:
                return reservation.wait
            await asyncio.sleep(reservation.wait)
        return await limit.acquire()

    def _secrets(self, webhook: Subscription) -> list[str]:
        stored = [webhook.secret]
        if webhook.previous_expires_at is not None and webhook.previous_expires_at > utc_now():
            stored.append(webhook.previous_secret)
        return [self._secret(webhook.id, secret) for secret in stored if secret is not None]

    async def _post(self, task: Task, attempt: int, webhook: Subscription, secrets: list[str]) -> Result:
        started_at = utc_now()
        schedule = self._schedule(webhook)
        is_test = task.event_type == TEST_EVENT
        try:
            url = self._checked(webhook.url)
        except UrlRefused as error:
            record = Attempt(
                number=attempt, started_at=started_at, duration_ms=0, error="refused_by_policy", detail=error.reason
            )
            final = DeadReason.TEST_FAILED if is_test else DeadReason.URL_REFUSED
            return Failed(attempt=record, schedule=schedule, final=final)
        answer = await self._request(url, task, attempt, webhook, secrets)
        return classify(
            answer,
            number=attempt,
            started_at=started_at,
            schedule=schedule,
            retry_4xx=self._settings.notification_retry_4xx,
            is_test=is_test,
        )

    async def _request(
        self, url: URL, task: Task, attempt: int, webhook: Subscription, secrets: list[str]
    ) -> HttpAnswer | HttpFailure:
        async def post(traceparent: str) -> HttpAnswer | HttpFailure:
            return await post_bounded(
                self._session,
                url,
                body=task.body,
                headers=request_headers(
                    task,
                    attempt=attempt,
                    timestamp=int(time.time()),
                    origin=webhook.origin,
                    traceparent=traceparent,
                    secrets=secrets,
                    custom=webhook.headers,
                ),
                total_timeout=self._settings.notification_http_timeout,
            )

        if self._tracing is None:
            return await post(child_traceparent(task.traceparent))
        with requesting(self._tracing, url, parent=task.traceparent, attempt=attempt) as span:
            answer = await post(span.traceparent)
            if isinstance(answer, HttpAnswer):
                note_status(span, answer.status)
            else:
                span.fail(answer.error_class.value)
            return answer

    def _schedule(self, webhook: Subscription) -> RetrySchedule:
        if webhook.retry_schedule is None:
            return self._settings.notification_retry_schedule
        return RetrySchedule(webhook.retry_schedule)
