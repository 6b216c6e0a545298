"""What people and programs do in these tests: invite somebody, follow a link in a mail, ask if a service is ready."""

from typing import Any

import aiohttp

from deploy.local.services import Service
from shared.secrets.keyring import Keyring
from shared.secrets.signed_links import Links
from tests.support.system import MASTER_KEYS, System, event

PUBLIC_URL = "https://notify.example.com"
ACCEPT_URL = "https://app.example.com/invitations/1"
ONE_CLICK = {"data": "List-Unsubscribe=One-Click", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}
"""What a mail program posts when its reader presses its own button (RFC 8058, section 3.2)."""


def smtp_settings(port: int) -> dict[str, str]:
    """The settings by which the mailer finds a server of the tests."""
    return {"NOTIFICATION_SMTP_HOST": "127.0.0.1", "NOTIFICATION_SMTP_PORT": str(port)}


def invitation(tenant: str, address: str, **data: object) -> dict[str, Any]:
    """An event that invites somebody."""
    return event("user.invited", {"email": address, "accept_url": ACCEPT_URL} | data, tenant=tenant)


def links() -> Links:
    """Makes links that the system takes for its own."""
    return Links(Keyring.parse(MASTER_KEYS).link_keys(), PUBLIC_URL)


async def follow(system: System, link: str, method: str = "GET", **request: Any) -> tuple[int, str]:
    """Follow a link of a mail, as a browser or a mail program does; returns status and page."""
    assert link.startswith(PUBLIC_URL)
    url = system.url + link.removeprefix(PUBLIC_URL)
    async with aiohttp.ClientSession() as session, session.request(method, url, **request) as answer:
        assert answer.content_type == "text/html"
        return answer.status, await answer.text()


async def readiness(service: Service) -> tuple[int, dict[str, bool]]:
    """A service's readiness: the status, and what it depends on."""
    async with aiohttp.ClientSession() as session, session.get(f"{service.url}/health/ready") as answer:
        body = await answer.json()
        return answer.status, body["checks"]
