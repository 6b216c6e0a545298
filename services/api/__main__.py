"""Runs the HTTP API by itself: `worker api`."""

from services.api.settings import ApiSettings
from services.api.wiring import Api
from shared.program import run_program


def main() -> None:
    """Run until a signal comes."""
    run_program("api", ApiSettings, lambda settings: [Api(settings)])


if __name__ == "__main__":
    main()
