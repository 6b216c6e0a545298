"""The gate lets a task pass exactly when its delivery still owes that attempt."""

import pytest

from shared.delivery.precheck import Discard, Finish, Go, needs_precheck, precheck, was_moved
from shared.model.reasons import DeliveryState
from tests.support.values import NOON, a_delivery, a_task


def test_a_first_attempt_on_its_first_way_needs_no_check() -> None:
    assert not needs_precheck(a_task(attempt=1), redelivered=False, moved=False)


@pytest.mark.parametrize("republished_by", ["api", "dispatcher", "reconciler"])
def test_whatever_was_put_on_the_queue_again_is_checked(republished_by: str) -> None:
    assert needs_precheck(a_task(attempt=1, republished_by=republished_by), redelivered=False, moved=False)


def test_a_redelivered_or_later_attempt_is_checked() -> None:
    assert needs_precheck(a_task(attempt=1), redelivered=True, moved=False)
    assert needs_precheck(a_task(attempt=2), redelivered=False, moved=False)


def test_a_delivery_that_is_gone_is_not_sent() -> None:
    assert isinstance(precheck(a_task(), None), Discard)


@pytest.mark.parametrize("state", [DeliveryState.DELIVERED, DeliveryState.SKIPPED, DeliveryState.DEAD])
@pytest.mark.parametrize("attempt", [1, 2, 5])
def test_a_settled_delivery_is_not_sent_again(state: DeliveryState, attempt: int) -> None:
    delivery = a_delivery(state=state, attempts_made=1, due_at=None)
    assert isinstance(precheck(a_task(attempt=attempt), delivery), Discard)


@pytest.mark.parametrize("state", [DeliveryState.DELIVERED, DeliveryState.SKIPPED, DeliveryState.DEAD])
def test_what_an_ended_delivery_still_owes_is_done_without_sending_it_again(state: DeliveryState) -> None:
    delivery = a_delivery(state=state, attempts_made=1, due_at=NOON)
    assert precheck(a_task(), delivery) == Finish(delivery)


@pytest.mark.parametrize("attempt", [1, 2])
def test_an_attempt_that_was_made_already_is_not_made_again(attempt: int) -> None:
    delivery = a_delivery(state=DeliveryState.RETRYING, attempts_made=2)
    assert isinstance(precheck(a_task(attempt=attempt), delivery), Discard)


def test_the_next_attempt_goes_under_the_number_that_follows_in_the_log() -> None:
    delivery = a_delivery(state=DeliveryState.RETRYING, attempts_made=2)
    assert precheck(a_task(attempt=3), delivery) == Go(3)


def test_a_message_ahead_of_the_log_leaves_no_gap_in_it() -> None:
    delivery = a_delivery(state=DeliveryState.RETRYING, attempts_made=1)
    assert precheck(a_task(attempt=3), delivery) == Go(2)


def test_a_first_attempt_that_was_dead_lettered_and_moved_back_by_hand_is_checked() -> None:
    assert needs_precheck(a_task(attempt=1), redelivered=False, moved=True)


@pytest.mark.parametrize(
    ("name", "moved"),
    [("dead-reason", True), ("x-death", True), ("x-first-death-queue", True), ("delivery-id", False)],
)
def test_what_lay_in_a_dead_letter_queue_is_told_by_its_headers(name: str, moved: bool) -> None:
    assert was_moved({name: "x"}) is moved
