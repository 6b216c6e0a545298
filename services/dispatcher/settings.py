"""What the dispatcher reads from the environment."""

from shared.process.settings import DeliverySettings


class DispatcherSettings(DeliverySettings):
    """Settings of the dispatcher and the reconciler it runs."""
