"""The commands that run services: api, dispatcher, webhook, mailer, and combinations of them."""

from typing import Final

import typer

from services.api.settings import ApiSettings
from services.api.wiring import Api
from services.dispatcher.settings import DispatcherSettings
from services.dispatcher.wiring import Dispatcher
from services.mailer.settings import MailerSettings
from services.mailer.wiring import Mailer
from services.webhook.settings import WebhookSettings
from services.webhook.wiring import WebhookConsumer
from shared.process.program import run_program
from shared.process.settings import CoreSettings

SERVICES: Final[dict[str, type[CoreSettings]]] = {
    "api": ApiSettings,
    "dispatcher": DispatcherSettings,
    "webhook": WebhookSettings,
    "mailer": MailerSettings,
}
"""The services by name, with their settings."""


class NotificationSettings(WebhookSettings, MailerSettings):
    """What both consumers read."""


class AllSettings(ApiSettings, DispatcherSettings, NotificationSettings):
    """What every service reads."""


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (api, dispatcher, webhook, mailer, notifications, all_):
        app.command(name=command.__name__.rstrip("_"))(command)


def api() -> None:
    """Serve the HTTP API."""
    run_program("api", ApiSettings, lambda settings: [Api(settings)])


def dispatcher() -> None:
    """Match events against subscriptions; also republish what is stuck."""
    run_program("dispatcher", DispatcherSettings, lambda settings: [Dispatcher(settings)])


def webhook() -> None:
    """Send webhooks."""
    run_program("webhook", WebhookSettings, lambda settings: [WebhookConsumer(settings)])


def mailer() -> None:
    """Send mails."""
    run_program("mailer", MailerSettings, lambda settings: [Mailer(settings)])


def notifications() -> None:
    """Send webhooks and mails, both in this process."""
    run_program("notifications", NotificationSettings, lambda settings: [WebhookConsumer(settings), Mailer(settings)])


def all_() -> None:
    """Run every service in one process (for a laptop)."""
    run_program(
        "all",
        AllSettings,
        lambda settings: [Dispatcher(settings), WebhookConsumer(settings), Mailer(settings), Api(settings)],
    )
