"""Plays the scene on the real system and checks every expectation; the exit code says whether all of them held."""

import asyncio
import os
import secrets
import sys
import time

from deploy.local.demo.expectations import EXPECTATIONS, Evidence, Unmet
from deploy.local.demo.play import create_webhook, publish_all
from deploy.local.demo.receiver import DemoReceiver
from deploy.local.demo.scene import HOOKS, TENANT
from deploy.local.outside import management_url
from deploy.local.process import StackError
from deploy.local.services import Services
from deploy.local.settings import development_settings, development_token
from deploy.local.stack import Stack


def main() -> None:
    """Run the demo; exit with 1 and the name of the first expectation that did not hold."""
    try:
        asyncio.run(_demo())
    except StackError as error:
        sys.exit(f"demo: the system could not be started: {error}")
    except Unmet as error:
        sys.exit(f"demo: FAILED: {error}")


async def _demo() -> None:
    began = time.monotonic()
    settings = development_settings() | {"MONGODB_DATABASE": f"signalpost_demo_{os.getpid()}_{secrets.token_hex(4)}"}
    print("1. Starting RabbitMQ, MongoDB, an SMTP inbox, the services and a receiver, all for real …")
    async with Stack("demo") as stack:
        receiver = DemoReceiver(stack.directory)
        async with Services(stack.directory, stack.environment() | settings) as services:
            await receiver.start()
            for service in ("api", "dispatcher", "webhook", "mailer"):
                await services.start(service)
            print(f"   up after {time.monotonic() - began:.1f} s; broker: {management_url(stack)}")
            evidence = await _play(stack, services["api"].url, receiver, settings)
            await _check(evidence)
            print("4. Draining and stopping …")
        await receiver.close()
    print(f"Every expectation held. {time.monotonic() - began:.0f} s in all.")


async def _play(stack: Stack, api_url: str, receiver: DemoReceiver, settings: dict[str, str]) -> Evidence:
    bearer = development_token(settings, tenant=TENANT)
    print("2. Making webhooks through the API, and publishing events of both products to the exchange `events`:")
    ids = {}
    for hook in HOOKS:
        ids[hook.path] = (await create_webhook(api_url, bearer, receiver, hook))["id"]
        print(f"   POST {hook.route} → {ids[hook.path]} for {', '.join(hook.events)}")
    published = await publish_all(stack.environment()["AMQP_URL"])
    print(f"   published {', '.join(event.type for event in published)}")
    return Evidence(stack, receiver, ids, {event.id: event for event in published})


async def _check(evidence: Evidence) -> None:
    print("3. What came of it:")
    for name, expectation in EXPECTATIONS.items():
        try:
            print(f"   ✓ {name}: {await expectation(evidence)}")
        except Unmet as error:
            raise Unmet(f"{name}: {error}") from error


if __name__ == "__main__":
    main()
