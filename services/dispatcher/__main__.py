"""Runs the dispatcher by itself: `worker dispatcher`."""

from services.dispatcher.settings import DispatcherSettings
from services.dispatcher.wiring import Dispatcher
from shared.program import run_program


def main() -> None:
    """Run until a signal comes."""
    run_program("dispatcher", DispatcherSettings, lambda settings: [Dispatcher(settings)])


if __name__ == "__main__":
    main()
