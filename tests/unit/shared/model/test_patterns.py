"""Subscription patterns match what the API promises, and the list form agrees with the direct question."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.patterns import (
    MAX_TYPE_CHARS,
    MAX_TYPE_SEGMENTS,
    InvalidPattern,
    is_event_type,
    matches,
    parse_pattern,
    patterns_matching,
)

# Few letters, so that types and patterns often share prefixes.
segments = st.lists(st.text("ab_", min_size=1, max_size=2), min_size=1, max_size=4)
event_types = segments.map(".".join)
patterns = st.one_of(st.just("*"), event_types, event_types.map(lambda prefix: f"{prefix}.*"))


@pytest.mark.parametrize(
    ("pattern", "event_type", "wanted"),
    [
        ("*", "signer.created", True),
        ("*", "ping", True),
        ("certificate.issued", "certificate.issued", True),
        ("certificate.issued", "certificate.issued.again", False),
        ("certificate", "certificate.issued", False),
        ("signer.*", "signer.created", True),
        ("signer.*", "signer.a.b", True),
        ("signer.*", "signer", False),
        ("signer.*", "signers.created", False),
        ("signer.*", "signer_x.created", False),
        ("billing.export.*", "billing.export.ready", True),
        ("billing.export.*", "billing.export", False),
        ("billing.*", "billing.export.ready", True),
    ],
)
def test_a_pattern_wants_exactly_what_it_says(pattern: str, event_type: str, wanted: bool) -> None:
    assert matches(pattern, event_type) is wanted


def test_patterns_of_a_type_go_from_exact_to_everything() -> None:
    assert patterns_matching("a.b.c") == ("a.b.c", "a.b.*", "a.*", "*")
    assert patterns_matching("ping") == ("ping", "*")


@given(patterns, event_types)
def test_listing_the_patterns_of_a_type_agrees_with_matching(pattern: str, event_type: str) -> None:
    assert matches(pattern, event_type) == (pattern in patterns_matching(event_type))


@given(event_types)
def test_every_pattern_listed_for_a_type_is_one_that_can_be_subscribed_to(event_type: str) -> None:
    assert [parse_pattern(pattern) for pattern in patterns_matching(event_type)] == [*patterns_matching(event_type)]


@given(patterns)
def test_parsing_a_pattern_ignores_spaces_around_it(pattern: str) -> None:
    assert parse_pattern(f" {pattern}\n") == pattern


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ".",
        ".*",
        "**",
        "#",
        "certificate.#",
        "*.issued",
        "a.*.b",
        "a.*.*",
        "a*",
        "a..b",
        ".a",
        "a.",
        "Certificate.issued",
        "certificate issued",
        "certificate.issued\nsigner.created",
        "zertifikät.issued",
        "a-b",
        "x" * (MAX_TYPE_CHARS + 1),
        ".".join("a" * (MAX_TYPE_SEGMENTS + 1)),
        # These two could never match: no further segment fits.
        ".".join("a" * MAX_TYPE_SEGMENTS) + ".*",
        "x" * (MAX_TYPE_CHARS - 1) + ".*",
    ],
)
def test_what_is_no_pattern_is_refused_with_the_pattern_and_what_is_allowed(text: str) -> None:
    with pytest.raises(InvalidPattern) as refused:
        parse_pattern(text)
    assert repr(text[:MAX_TYPE_CHARS]) in str(refused.value)
    assert "'signer.*'" in str(refused.value)


@pytest.mark.parametrize("text", ["x" * MAX_TYPE_CHARS, ".".join("a" * MAX_TYPE_SEGMENTS), "ping", "a_1.b2"])
def test_an_event_type_may_use_the_whole_allowance(text: str) -> None:
    assert is_event_type(text)
    assert parse_pattern(text) == text


@pytest.mark.parametrize("text", ["", "*", "a.*", "A", "a.b\n", "\na", "a..b", "é"])
def test_what_is_no_event_type_is_told_apart(text: str) -> None:
    assert not is_event_type(text)
