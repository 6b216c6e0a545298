"""Runs the mailer by itself: `worker mailer`."""

from services.mailer.settings import MailerSettings
from services.mailer.wiring import Mailer
from shared.program import run_program


def main() -> None:
    """Run until a signal comes."""
    run_program("mailer", MailerSettings, lambda settings: [Mailer(settings)])


if __name__ == "__main__":
    main()
