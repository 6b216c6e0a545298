"""Trace contexts where tracing is off: an event's trace goes on, and each request gets a place of its own in it."""

from signalpost.traceparent import child_traceparent, traceparent_or_new
from tests.support.values import TRACE_ID, TRACEPARENT


def test_a_request_is_a_span_of_its_own_in_the_trace_of_the_event() -> None:
    made = child_traceparent(TRACEPARENT)
    assert made.split("-")[1] == TRACE_ID
    assert made != TRACEPARENT


def test_without_a_usable_trace_a_request_begins_one() -> None:
    assert traceparent_or_new(child_traceparent("")) != traceparent_or_new(child_traceparent(""))
    assert len(child_traceparent("")) == 55
