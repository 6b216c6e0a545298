"""`make run`: the whole system stays up until Ctrl-C, with its log lines on this terminal."""

import asyncio
import signal
import sys
from collections.abc import Iterable

from deploy.local.outside import inbox_url, management_url
from deploy.local.process import StackError
from deploy.local.services import Services
from deploy.local.settings import development_settings, development_token
from deploy.local.stack import Stack

TENANT = "org_local"
COMMANDS = ("api", "dispatcher", "webhook", "mailer")


def main() -> None:
    """Run until Ctrl-C or SIGTERM, then drain."""
    try:
        asyncio.run(_run())
    except StackError as error:
        sys.exit(f"run: {error}")


async def _run() -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    settings = development_settings()
    print("starting RabbitMQ, MongoDB, an SMTP inbox and the services …", flush=True)
    async with Stack("run") as stack, Services(stack.directory, stack.environment() | settings) as services:
        for command in COMMANDS:
            await services.start(command)
        _welcome(stack, services, settings)
        following = [asyncio.create_task(_follow(services, command)) for command in COMMANDS]
        await stopped.wait()
        print("\ndraining …")
        for task in following:
            task.cancel()
    print("stopped; its data is gone with it")


def _welcome(stack: Stack, services: Services, settings: dict[str, str]) -> None:
    api = services["api"].url
    broker = stack.rabbitmq
    login = f" (user {broker.username}, password {broker.password})" if broker is not None else ""
    for line in _lines(api, settings, stack, login):
        print(line, flush=True)


def _lines(api: str, settings: dict[str, str], stack: Stack, login: str) -> Iterable[str]:
    yield f"API docs       {api}/docs"
    yield f"RabbitMQ       {management_url(stack)}{login}"
    yield f"inbox          {inbox_url(stack)}"
    yield f"AMQP_URL       {stack.environment()['AMQP_URL']}"
    yield f"MONGODB_URL    {stack.environment()['MONGODB_URL']}"
    yield f"token          {development_token(settings, tenant=TENANT)}"
    yield f"               (tenant {TENANT}, roles CLIENT_ADMIN and PRODUCER, for one day)"
    yield "Ctrl-C drains and stops. One line for each delivery follows."


async def _follow(services: Services, command: str) -> None:
    """Print what a service logs from now on."""
    seen = len(services[command].log_text())
    while True:
        text = await asyncio.to_thread(services[command].log_text)
        if len(text) > seen:
            sys.stdout.write(text[seen:])
            sys.stdout.flush()
            seen = len(text)
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    main()
