"""The checks of `worker doctor`: each measures one thing, and `shared.diagnosis.findings` judges it.

A check changes nothing. If its server or settings can't be used, its finding says so, and the other checks continue.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Final

from yarl import URL

from services.cli.context import OperatorContext
from services.cli.dlq.letter import read_letter
from services.cli.run import SERVICES
from services.mailer.answer import MailUnavailable
from services.mailer.client import SmtpPool
from services.mailer.settings import MailerSettings
from services.webhook.settings import WebhookSettings
from shared.broker import BrokerUnavailable
from shared.broker.browser import QueueState, browse, peek, queue_states
from shared.catalogue import Catalogue, CatalogueError
from shared.diagnosis import findings
from shared.diagnosis.findings import Finding, LetterCounts, fail, ok, warn
from shared.model.topology import (
    CHANNELS,
    DEAD_LETTER_KEYS,
    EVENTS_TO_DISPATCH,
    dead_letter_queue,
    to_send_queue,
    topology,
)
from shared.process.clock import utc_now
from shared.process.settings import CoreSettings, DeliverySettings, InvalidSettings, SettingsT, load
from shared.storage import StorageUnavailable

MOST_LETTERS: Final = 10_000
"""The maximum number of letters counted in each queue."""
BROKER_NAME: Final = "worker.doctor"


def usable(settings_class: type[SettingsT]) -> SettingsT | None:
    """Return settings, or None if the environment does not allow them; `check_settings` says why."""
    try:
        return load(settings_class)
    except InvalidSettings:
        return None


def check_settings() -> Iterator[Finding]:
    """Read the settings of every service, and the catalogue that they name."""
    wrong: dict[str, list[str]] = {}
    for service, settings_class in SERVICES.items():
        try:
            load(settings_class)
        except InvalidSettings as error:
            for line in str(error).splitlines():
                wrong.setdefault(line, []).append(service)
    for line, services in wrong.items():
        yield fail("settings", line, f"{', '.join(services)} will not start with it: see deploy/env.example")
    if not wrong:
        yield ok("settings", f"usable for {', '.join(SERVICES)}")
    core = usable(CoreSettings)
    if core is not None:
        try:
            Catalogue.load(core.event_types_file)
        except CatalogueError as error:
            yield fail(
                "settings", f"EVENT_TYPES_FILE: {error}", "correct the file; api and dispatcher will not start"
            )


async def check_broker(url: str) -> tuple[list[Finding], dict[str, QueueState | None]]:
    """Ask the broker for its queues; returns no states if it can't be used."""
    shown = URL(url).with_password(None)
    try:
        states = await queue_states(url, [queue.name for queue in topology().queues], name=BROKER_NAME)
    except BrokerUnavailable as error:
        remedy = "check that RabbitMQ runs, and that AMQP_URL has the right host, user, password and virtual host"
        return [fail("broker", f"{shown} can't be used: {error}", remedy)], {}
    return [ok("broker", f"{shown} answers")], states


async def check_database(context: OperatorContext) -> list[Finding]:
    """Ask the database about itself and its clock."""
    try:
        before = utc_now()
        server = await context.everything.server()
        now = before + (utc_now() - before) / 2
    except StorageUnavailable as error:
        remedy = "check that MongoDB runs as a replica set, and that MONGODB_URL names its members"
        return [fail("database", f"it can't be used: {str(error)[:200]}", remedy)]
    return [findings.on_database(server), findings.on_clock(now, server.time)]


async def check_waiting(
    context: OperatorContext, states: dict[str, QueueState | None], settings: DeliverySettings
) -> AsyncIterator[Finding]:
    """Look for what has waited longest; needs broker and database.

    The database knows the deliveries. An event that it doesn't know yet can only be seen at the head of its queue,
    and each look counts towards the limit of 50 deliveries, after which the broker dead-letters the event. So we
    don't look while the queue has no consumer: the same event would stay at its head.
    """
    for channel in CHANNELS:
        yield findings.on_oldest_delivery(
            channel,
            await context.everything.longest_due(channel),
            now=utc_now(),
            queue=states[to_send_queue(channel)],
            reconcile_after=settings.notification_reconcile_after,
        )
    events = states[EVENTS_TO_DISPATCH]
    if events is not None and events.messages and events.consumers:
        head = await peek(context.amqp_url, EVENTS_TO_DISPATCH, name=BROKER_NAME)
        if head is not None:
            handed_out = head.headers.get("x-delivery-count", 0)
            yield findings.on_oldest_event(
                head.published_at, handed_out if isinstance(handed_out, int) else 0, now=utc_now()
            )


async def check_dead_letters(url: str) -> AsyncIterator[Finding]:
    """Count dead letters by reason."""
    for key in DEAD_LETTER_KEYS:
        try:
            counts = await _count_letters(url, key)
        except BrokerUnavailable as error:
            yield fail(f"dead letters {key}", f"can't be read: {error}", "connect as a user like `operator`")
        else:
            yield findings.on_dead_letters(counts, now=utc_now())


async def _count_letters(url: str, key: str) -> LetterCounts:
    reasons: Counter[str] = Counter()
    oldest: datetime | None = None
    async with browse(url, dead_letter_queue(key), name=BROKER_NAME) as browser:
        async for message in browser.messages():
            letter = read_letter(key, message)
            reasons[letter.reason] += 1
            if letter.parked_at is not None and (oldest is None or letter.parked_at < oldest):
                oldest = letter.parked_at
            if reasons.total() == MOST_LETTERS:
                break
        return LetterCounts(key=key, reasons=reasons, oldest_at=oldest, is_complete=browser.waiting <= MOST_LETTERS)


async def check_mail(settings: MailerSettings) -> AsyncIterator[Finding]:
    """Log in to the mail server, and check that links can be created."""
    if settings.notification_transport != "smtp":
        yield ok("mail server", f"not used: NOTIFICATION_TRANSPORT is {settings.notification_transport}")
        return
    smtp = settings.smtp()
    name = f"{smtp.host}:{smtp.port} (tls: {smtp.tls}, login: {'yes' if smtp.username else 'none'})"
    pool = SmtpPool(smtp)
    try:
        await pool.check()
        yield ok("mail server", f"{name} accepts mail")
    except MailUnavailable as error:
        yield fail(
            "mail server", f"{name}: {error}", "correct NOTIFICATION_SMTP_*; mails wait, and no attempt is charged"
        )
    finally:
        await pool.aclose()
    if settings.links() is None:
        yield warn(
            "public url", "PUBLIC_URL is not set", "mails to subscribers wait until it is: they need its links"
        )


def check_policy(settings: WebhookSettings) -> Iterator[Finding]:
    """Report what is sent, and where requests may go."""
    yield findings.on_transport(settings.notification_transport, is_production=settings.is_production)
    yield findings.on_outbound(
        sorted(settings.security_outbound_allowed_hosts),
        settings.security_outbound_allowed_networks,
        is_production=settings.is_production,
    )
