"""What the mailer reads from the environment."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator

from services.mailer.compose import SenderAddress, parse_sender
from services.mailer.smtp_connection import SmtpSettings
from shared.mail.address import InvalidMailAddress
from shared.process.settings import DeliverySettings, LinkSettings, Seconds


class MailerSettings(DeliverySettings, LinkSettings):
    """Settings of the mailer."""

    notification_smtp_host: str = "127.0.0.1"
    """The mail server."""
    notification_smtp_port: Annotated[int, Field(ge=1, le=65535)] = 1025
    """Its port."""
    notification_smtp_username: str | None = None
    """The user name for the mail server; without it there is no login."""
    notification_smtp_password: SecretStr | None = None
    """The password of that user."""
    notification_smtp_from: str = "Signalpost <no-reply@localhost.localdomain>"
    """The sender of all mails: an address, or Name <address>."""
    notification_smtp_tls: Literal["none", "starttls", "tls"] = "none"
    """`starttls` and `tls` never fall back to plain text."""
    notification_smtp_timeout: Seconds = 30.0
    """The timeout of each step: connect, handshake, one command, the payload."""
    notification_smtp_connections: Annotated[int, Field(ge=1, le=100)] = 8
    """The number of SMTP sessions of one process; each sends one mail at a time."""

    @field_validator("notification_smtp_from")
    @classmethod
    def _readable_sender(cls, value: str) -> str:
        try:
            parse_sender(value)
        except InvalidMailAddress as error:
            raise ValueError(f"expected an address, or Name <address>: {error}") from error
        return value

    def sender(self) -> SenderAddress:
        """Return the sender of all mails."""
        return parse_sender(self.notification_smtp_from)

    def smtp(self) -> SmtpSettings:
        """Return the mail server's settings."""
        return SmtpSettings(
            host=self.notification_smtp_host,
            port=self.notification_smtp_port,
            username=self.notification_smtp_username,
            password=self.notification_smtp_password,
            tls=self.notification_smtp_tls,
            timeout=self.notification_smtp_timeout,
            connections=self.notification_smtp_connections,
        )
