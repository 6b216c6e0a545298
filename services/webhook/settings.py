"""What the webhook consumer reads from the environment."""

from shared.process.settings import Codes, DeliverySettings, OutboundSettings, Seconds, SecretsSettings


class WebhookSettings(DeliverySettings, SecretsSettings, OutboundSettings):
    """Settings of the webhook consumer."""

    notification_http_timeout: Seconds = 10.0
    """The timeout of a whole attempt, from the name lookup to the last byte of the answer."""
    notification_retry_4xx: Codes = frozenset()
    """The 4xx codes that are retried like a 5xx; none by default."""
