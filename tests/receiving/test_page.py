"""What the receiver guide says is so: headers, fields, addresses, words and numbers, held against the source."""

import json
import re

import pytest

from services.api.webhooks.schemas import DEFAULT_OVERLAP_SECONDS, MAX_OVERLAP_SECONDS
from services.webhook.settings import WebhookSettings
from services.webhook.wiring import CONNECT_TIMEOUT_SHARE
from shared.model.event import MAX_EVENT_BYTES
from shared.model.reasons import RECEIVER_FAULTS
from shared.model.retry import JITTER, MAX_RETRY_AFTER, MAX_SCHEDULE_STEPS
from shared.outbound.answer import ErrorClass
from shared.outbound.post import EXCERPT_BYTES
from shared.outbound.session import KEEPALIVE_SECONDS
from tests.receiving.arrived import Arrived
from tests.receiving.page import TEXT
from tests.support.system import System

WORDS = set(re.findall(r"`([^`\n]+)`", TEXT))
"""Everything that the page sets in code within a sentence."""
DEFAULTS = {name: field.default for name, field in WebhookSettings.model_fields.items()}
RARE = {ErrorClass.PROTOCOL, ErrorClass.INVALID_REQUEST}
"""Error classes that need no explanation beside the sentence in the delivery log."""


def test_every_header_that_arrives_is_on_the_page(arrived: dict[str, Arrived]) -> None:
    explained = {word.lower() for word in WORDS}
    for webhook in arrived.values():
        for request in webhook.requests:
            assert {name.lower() for name in request.headers} <= explained


def test_the_body_has_the_fields_that_the_page_names_and_no_others(arrived: dict[str, Arrived]) -> None:
    for webhook in arrived.values():
        body = json.loads(webhook.requests[0].body)
        assert body.keys() == {"id", "type", "timestamp", "tenant", "subject", "data"}
        assert body.keys() <= WORDS
        assert body["id"] == webhook.requests[0].headers["webhook-id"]


async def test_every_address_on_the_page_is_a_route(system: System) -> None:
    routes = {
        f"{method.upper()} {re.sub('{[^}]*}', '{id}', path)}"
        for path, methods in (await system.paths()).items()
        for method in methods
    }
    assert {word for word in WORDS if re.match("(GET|POST|PATCH|DELETE) /", word)} <= routes


def test_every_word_of_a_failed_delivery_that_is_up_to_the_receiver_is_explained() -> None:
    assert {reason.value for reason in RECEIVER_FAULTS} <= WORDS
    assert {error.value for error in set(ErrorClass) - RARE} <= WORDS


@pytest.mark.parametrize(
    "phrase",
    [
        "follow {} s, {} s and {} s".format(*(f"{wait:g}" for wait in DEFAULTS["notification_retry_schedule"].waits)),
        f"up to {JITTER * 100:g} % longer",
        f"up to {MAX_SCHEDULE_STEPS} waits of up to {MAX_RETRY_AFTER / 3600:g} h",
        f"to at most {MAX_RETRY_AFTER / 3600:g} h",
        f"An attempt has {DEFAULTS['notification_http_timeout']:g} seconds",
        f"{DEFAULTS['notification_http_timeout'] * CONNECT_TIMEOUT_SHARE:g} of them for the connection",
        f"{DEFAULTS['notification_auto_disable_after']} deliveries in a row",
        f"Keep the ids for {DEFAULTS['retention_days']} days",
        f"({DEFAULT_OVERLAP_SECONDS} by default, a day; at most {MAX_OVERLAP_SECONDS // 86_400} days)",
        f"a little larger than {MAX_EVENT_BYTES // 2**20} MiB",
        f"first {'KiB' if EXCERPT_BYTES == 1024 else EXCERPT_BYTES}",
        f"kept for {KEEPALIVE_SECONDS:g} seconds",
    ],
)
def test_a_number_on_the_page_is_the_default(phrase: str) -> None:
    assert phrase in " ".join(TEXT.split())


def test_no_4xx_is_retried_by_default_but_an_operator_may_list_some() -> None:
    assert DEFAULTS["notification_retry_4xx"] == frozenset()
    assert "NOTIFICATION_RETRY_4XX" in WORDS
