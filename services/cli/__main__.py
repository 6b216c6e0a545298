"""`worker`: one program for every process and every manual task. It only composes services."""

import typer

from services.cli import run, tools
from services.cli.dlq import commands as dlq
from services.cli.doctor import command as doctor

app = typer.Typer(
    name="worker",
    help="Signalpost: brings domain events to webhooks and mailboxes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
run.add_to(app)
tools.add_to(app)
dlq.add_to(app)
doctor.add_to(app)


def main() -> None:
    """Run the command that the arguments name."""
    app()


if __name__ == "__main__":
    main()
