"""`worker doctor`: the triage of docs/runbook.md as a program. Reads options, prints findings and stories."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

import typer

from services.cli.context import OperatorContext
from services.cli.doctor import checks
from services.cli.doctor.story import tell_address, tell_event, tell_webhook
from services.cli.terminal import fail, printable, run, settings_or_exit
from services.mailer.settings import MailerSettings
from services.webhook.settings import WebhookSettings
from shared.diagnosis.findings import Finding, Level, on_queues
from shared.process.settings import CoreSettings, DeliverySettings


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(doctor)


def doctor(
    event: Annotated[
        str | None, typer.Option(metavar="ID", help="Explain this event (our id, or its producer's).")
    ] = None,
    webhook: Annotated[str | None, typer.Option(metavar="ID", help="Explain this webhook.")] = None,
    email: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Explain the mails to this address.")] = None,
) -> None:
    """Look for faults; or explain why something was, or was not, delivered.

    Without an option it checks everything: one line each, and exit code 1 if a line is FAIL. It changes nothing.
    """
    asked = [value for value in (event, webhook, email) if value is not None]
    if len(asked) > 1:
        fail("ask for one thing at a time: --event, --webhook or --email")
    if asked:
        core = settings_or_exit(CoreSettings)
        lines = run(_story(core, event=event, webhook=webhook, email=email))
        if lines is None:
            fail(_unknown(asked[0], is_webhook=webhook is not None, days=core.retention_days))
        for line in lines:
            print(printable(line))
    elif not run(_examine()):
        raise typer.Exit(1)


def _unknown(id_: str, *, is_webhook: bool, days: int) -> str:
    if is_webhook:
        return f"there is no webhook {id_}: it never existed here, or it was deleted together with its delivery log"
    return f"there is no event {id_}: it never arrived, or more than {days} days ago (RETENTION_DAYS)"


async def _story(
    settings: CoreSettings, *, event: str | None, webhook: str | None, email: str | None
) -> list[str] | None:
    async with aclosing(OperatorContext.from_settings(settings)) as context:
        if event is not None:
            return await tell_event(context, event)
        if webhook is not None:
            return await tell_webhook(context, webhook, checks.usable(WebhookSettings))
        return await tell_address(context, email or "")


async def _examine() -> bool:
    """Print each finding as it is made; returns whether none is a failure."""
    is_well = True
    async for finding in _findings():
        print(printable(str(finding)), flush=True)
        is_well &= finding.level is not Level.FAIL
    return is_well


async def _findings() -> AsyncIterator[Finding]:
    for finding in checks.check_settings():
        yield finding
    core, delivery = checks.usable(CoreSettings), checks.usable(DeliverySettings)
    if core is not None and delivery is not None:
        async with aclosing(OperatorContext.from_settings(core)) as context:
            async for finding in _on_servers(context, delivery):
                yield finding
    mailer, webhook = checks.usable(MailerSettings), checks.usable(WebhookSettings)
    if mailer is not None:
        async for finding in checks.check_mail(mailer):
            yield finding
    if webhook is not None:
        for finding in checks.check_policy(webhook):
            yield finding


async def _on_servers(context: OperatorContext, settings: DeliverySettings) -> AsyncIterator[Finding]:
    on_broker, states = await checks.check_broker(context.amqp_url)
    on_database = await checks.check_database(context)
    for finding in (*on_broker, *on_database):
        yield finding
    if not states:
        return
    for finding in on_queues(states, settings.notification_transport):
        yield finding
    if all(finding.level is not Level.FAIL for finding in on_database):
        async for finding in checks.check_waiting(context, states, settings):
            yield finding
    async for finding in checks.check_dead_letters(context.amqp_url):
        yield finding
