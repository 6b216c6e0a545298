"""Runs the webhook consumer by itself: `worker webhook`."""

from services.webhook.settings import WebhookSettings
from services.webhook.wiring import WebhookConsumer
from shared.program import run_program


def main() -> None:
    """Run until a signal comes."""
    run_program("webhook", WebhookSettings, lambda settings: [WebhookConsumer(settings)])


if __name__ == "__main__":
    main()
