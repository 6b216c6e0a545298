"""What the mailer reads from the environment."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator

from services.mailer.compose import Sender, parse_sender
from services.mailer.smtp_connection import SmtpSettings
from shared.mail.address import AddressRefused
from shared.settings import DeliverySettings, Seconds


class MailerSettings(DeliverySettings):
    """Settings of the mailer."""

    notification_smtp_host: str = "127.0.0.1"
    notification_smtp_port: Annotated[int, Field(ge=1, le=65535)] = 1025
    notification_smtp_username: str | None = None
    notification_smtp_password: SecretStr | None = None
    notification_smtp_from: str = "Signalpost <no-reply@localhost.localdomain>"
    notification_smtp_tls: Literal["none", "starttls", "tls"] = "none"
    """`starttls` and `tls` never fall back to plain text."""
    notification_smtp_timeout: Seconds = 10.0
    """For each step: connect, handshake, one command, the payload."""
    notification_smtp_connections: Annotated[int, Field(ge=1, le=100)] = 8

    @field_validator("notification_smtp_from")
    @classmethod
    def _readable_sender(cls, value: str) -> str:
        try:
            parse_sender(value)
        except AddressRefused as error:
            raise ValueError(f"expected an address, or Name <address>: {error}") from error
        return value

    def sender(self) -> Sender:
        """Return who all mails come from."""
        return parse_sender(self.notification_smtp_from)

    def smtp(self) -> SmtpSettings:
        """Return where mails go."""
        return SmtpSettings(
            host=self.notification_smtp_host,
            port=self.notification_smtp_port,
            username=self.notification_smtp_username,
            password=self.notification_smtp_password,
            tls=self.notification_smtp_tls,
            timeout=self.notification_smtp_timeout,
            connections=self.notification_smtp_connections,
        )
