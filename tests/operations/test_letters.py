"""What is read from a dead letter, whoever wrote it, and which letters a filter means. No sockets."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiormq.abc import DeliveredMessage

from services.cli.dlq.letter import Letter, Wanted, read_letter
from services.cli.dlq.replay import is_settled
from shared.broker.browser import Parked
from shared.model.identity import event_id
from shared.model.reasons import DeliveryState
from tests.support.values import NOON, a_delivery

QUEUES = ("webhook", "email", "event")


def letter(queue: str = "webhook", body: bytes = b"{}", *, timestamp: object = NOON, **headers: Any) -> Letter:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    properties = SimpleNamespace(headers=given, content_type="", message_id="m-1", timestamp=timestamp)
    message = SimpleNamespace(
        header=SimpleNamespace(properties=properties),
        body=body,
        routing_key=queue,
        redelivered=False,
        channel=None,
        delivery_tag=1,
    )
    return read_letter(queue, Parked(cast("DeliveredMessage", message)))


def by_the_broker(**changes: object) -> dict[str, Any]:
    death = {"queue": "events.to_dispatch", "reason": "delivery_limit", "routing-keys": ["a.b"], "time": NOON}
    return {"x_death": [death | changes], "x_first_death_reason": "delivery_limit"}


def test_what_the_broker_parked_is_a_crash_loop_with_its_own_key_and_time() -> None:
    found = letter("event", timestamp=NOON - timedelta(days=1), **by_the_broker())
    assert (found.reason, found.routing_key, found.parked_at) == ("crash_loop", "a.b", NOON)
    of_a_task = letter(**by_the_broker(queue="notifications.to_send.webhook"))
    assert (of_a_task.reason, of_a_task.routing_key) == ("crash_loop", "")


@pytest.mark.parametrize(
    "headers",
    [
        {"x_death": "none"},
        {"x_death": []},
        {"x_death": [1]},
        by_the_broker(**{"routing-keys": None, "time": "noon"}),
        {"dead_reason": 5, "dead_attempts": "3", "dead_status": True, "delivery_id": b"x", "dead_target": {}},
    ],
)
@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b'{"id": 1, "source": {}}', b'{"a":' * 100_000])
def test_nothing_that_a_stranger_wrote_is_in_the_way(headers: dict[str, Any], body: bytes) -> None:
    for queue in QUEUES:
        found = letter(queue, body, timestamp=2**63 - 1, **headers)
        assert found.reason in {"unknown", "crash_loop"}
        assert (found.id, found.attempts, found.status, found.delivery_id) == ("m-1", None, None, "")


def test_an_events_id_is_known_even_if_the_rest_of_it_is_invalid() -> None:
    found = letter("event", b'{"id": "1", "source": "/s", "tenantid": "t", "type": 5, "time": "later"}')
    assert found.event_id == event_id(tenant_id="t", source="/s", source_id="1")
    assert (found.source_id, found.event_type) == ("1", "")
    assert letter("event", b'{"id": "1"}').event_id == ""


def test_a_filter_means_only_what_fits_all_of_it() -> None:
    one = letter(delivery_id="dlv_1", event_id="evt_1", subscription_id="wh_1", dead_reason="gone")
    now = NOON + timedelta(hours=2)
    fits = [
        Wanted(queues=QUEUES),
        Wanted(queues=QUEUES, reason="gone", webhook="wh_1", id="dlv_1", older_than=timedelta(hours=1)),
        Wanted(queues=QUEUES, id="evt_1", newer_than=timedelta(hours=3)),
        Wanted(queues=QUEUES, id="m-1"),
    ]
    fits_not = [
        Wanted(queues=QUEUES, reason="http_4xx"),
        Wanted(queues=QUEUES, reason="gone", webhook="wh_2"),
        Wanted(queues=QUEUES, id="evt_2"),
        Wanted(queues=QUEUES, id=""),
        Wanted(queues=QUEUES, webhook=""),
        Wanted(queues=QUEUES, older_than=timedelta(hours=3)),
        Wanted(queues=QUEUES, newer_than=timedelta(hours=1)),
    ]
    assert [wanted.matches(one, now) for wanted in fits] == [True] * len(fits)
    assert [wanted.matches(one, now) for wanted in fits_not] == [False] * len(fits_not)
    ageless = letter(timestamp=None)
    assert not Wanted(queues=QUEUES, webhook="").matches(ageless, now)
    assert Wanted(queues=QUEUES).matches(ageless, now)
    assert not Wanted(queues=QUEUES, older_than=timedelta(hours=1)).matches(ageless, now)
    assert not Wanted(queues=QUEUES, newer_than=timedelta(hours=1)).matches(ageless, now)


@pytest.mark.parametrize(
    ("attempts", "state", "made", "settled"),
    [
        (1, DeliveryState.DEAD, 1, False),
        (None, DeliveryState.DEAD, 1, False),
        (1, DeliveryState.DEAD, 2, True),  # it died again: that death has a letter of its own
        (1, DeliveryState.PENDING, 1, True),
        (1, DeliveryState.DELIVERED, 2, True),
    ],
)
def test_a_letter_is_settled_once_its_delivery_was_taken_up(
    attempts: int | None, state: DeliveryState, made: int, settled: bool
) -> None:
    headers: dict[str, Any] = {} if attempts is None else {"dead_attempts": attempts}
    assert is_settled(letter(**headers), a_delivery(state=state, attempts_made=made)) is settled
