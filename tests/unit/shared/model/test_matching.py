"""An event goes to the subscriptions that asked for it, and for every other one there is a sentence why not."""

import pytest

from shared.model import matching
from shared.model.event import OWN_SOURCE
from shared.model.matching import matched, mismatch
from tests.support.values import a_webhook, an_event


@pytest.mark.parametrize(
    "patterns", [("*",), ("certificate.issued",), ("certificate.*",), ("signer.*", "certificate.*")]
)
def test_a_subscription_with_a_matching_pattern_gets_the_event(patterns: tuple[str, ...]) -> None:
    assert mismatch(a_webhook(events=patterns), an_event(type="certificate.issued")) is None


@pytest.mark.parametrize("patterns", [(), ("certificate",), ("certificate.issued.*",), ("signer.*",), ("issued",)])
def test_a_subscription_without_one_does_not_and_is_told_which_it_has(patterns: tuple[str, ...]) -> None:
    why = mismatch(a_webhook(events=patterns), an_event(type="certificate.issued"))
    assert why is not None
    assert "certificate.issued" in why


def test_two_matching_patterns_make_one_delivery() -> None:
    webhook = a_webhook(events=("*", "certificate.*", "certificate.issued"))
    assert matched(an_event(), [webhook]) == [webhook]


@pytest.mark.parametrize("subject", [None, "signers/2", "signers/10", "signers/1/x", "SIGNERS/1"])
def test_a_bound_subscription_gets_only_its_subject(subject: str | None) -> None:
    why = mismatch(a_webhook(subject="signers/1"), an_event(subject=subject))
    assert why is not None
    assert "signers/1" in why


def test_a_bound_subscription_gets_its_subject() -> None:
    assert mismatch(a_webhook(subject="signers/1"), an_event(subject="signers/1")) is None


def test_an_unbound_subscription_gets_every_subject() -> None:
    assert mismatch(a_webhook(subject=None), an_event(subject="signers/1")) is None


def test_a_disabled_webhook_still_matches_so_that_its_events_can_be_recovered() -> None:
    assert mismatch(a_webhook(enabled=False), an_event()) is None


def test_an_unconfirmed_mail_address_gets_nothing() -> None:
    unconfirmed = a_webhook(channel="email", address="ada@example.com", url="", confirmed=False)
    assert mismatch(unconfirmed, an_event()) is not None


def test_a_recipient_who_unsubscribed_gets_nothing() -> None:
    left = a_webhook(
        channel="email", address="ada@example.com", url="", confirmed=False, disabled_reason="unsubscribed"
    )
    assert mismatch(left, an_event()) == "its recipient has unsubscribed"


def test_a_request_to_confirm_an_address_is_for_no_subscriber_whoever_published_it() -> None:
    for source in (OWN_SOURCE, "/wipe/backend"):
        assert matched(an_event(type="email.confirmation", source=source), [a_webhook(events=("*",))]) == []


def test_a_test_event_goes_to_the_tested_webhook_alone() -> None:
    event = an_event(type="webhook.test", source=OWN_SOURCE, subject="webhooks/wh_1")
    tested, other = a_webhook(id="wh_1", events=("signer.*",)), a_webhook(id="wh_2", events=("*",))
    assert matching.tested_webhook(event) == "wh_1"
    assert matched(event, [tested, other]) == [tested]


def test_a_producer_cannot_pass_an_event_off_as_a_test() -> None:
    event = an_event(type="webhook.test", source="/wipe/backend", subject="webhooks/wh_1")
    assert matching.tested_webhook(event) is None
    assert mismatch(a_webhook(id="wh_1", events=("signer.*",)), event) is not None
