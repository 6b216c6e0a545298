"""The demo's actors: customers who make webhooks through the API, and the example producers."""

from typing import Any

import aiohttp

from deploy.local.demo.receiver import DemoReceiver
from deploy.local.demo.scene import BILLED, INVITED, SIGNER_ID, TENANT, Hook
from examples import guardian_signer, wipe_backend
from shared.model.event import Event
from signalpost.producer import EventPublisher


async def create_webhook(api_url: str, bearer: str, receiver: DemoReceiver, hook: Hook) -> dict[str, Any]:
    """Make a webhook through the API, and hand its secret to the receiver, as a customer would."""
    wanted = {"url": receiver.hook_url(hook.path), "events": list(hook.events)}
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {bearer}"}) as session,
        session.post(api_url + hook.route, json=wanted) as answer,
    ):
        webhook: dict[str, Any] = await answer.json()
        if answer.status != 201:
            raise RuntimeError(f"POST {hook.route} answered {answer.status}: {webhook}")
    await receiver.tell_secret(hook.path, webhook["secret"])
    return webhook


async def publish_all(amqp_url: str) -> list[Event]:
    """Let the example producers of both products live through their stories; returns what they published."""
    async with EventPublisher(amqp_url, source=wipe_backend.SOURCE, name="wipe-backend") as backend:
        published = await wipe_backend.play(backend, tenant=TENANT, invited=INVITED, billed=BILLED)
    async with EventPublisher(amqp_url, source=guardian_signer.SOURCE, name="guardian") as signer:
        published += await guardian_signer.play(signer, tenant=TENANT, signer_id=SIGNER_ID)
    return published
