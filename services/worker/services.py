"""The services by name, each with the settings that it reads."""

from typing import Final

from services.api.settings import ApiSettings
from services.dispatcher.settings import DispatcherSettings
from services.mailer.settings import MailerSettings
from services.webhook.settings import WebhookSettings
from shared.settings import CoreSettings

SERVICES: Final[dict[str, type[CoreSettings]]] = {
    "api": ApiSettings,
    "dispatcher": DispatcherSettings,
    "webhook": WebhookSettings,
    "mailer": MailerSettings,
}
