"""Counts the outcome of a delivery's attempt, or its end without one.

Each metric's children are looked up once, because `labels()` takes several times as long as the increment.
"""

from itertools import product
from typing import Final

from shared.model.delivery import Attempt, Transition
from shared.model.event import event_time
from shared.model.reasons import FINISHED, DeliveryState
from shared.model.task import Task
from shared.model.topology import CHANNELS
from shared.telemetry.metrics import (
    ATTEMPT_DURATION,
    ATTEMPT_OUTCOMES,
    ATTEMPTS,
    DELIVERIES_FINISHED,
    SINCE_ACCEPTANCE,
    SINCE_EVENT,
)

_BY_ERROR: Final = {
    "timeout": "timeout",
    "dns": "dns",
    "connect": "connection",
    "reset": "connection",
    "disconnected": "connection",
    "tls": "tls",
    "protocol": "protocol",
    "protocol_error": "protocol",
    "refused_by_policy": "policy",
    "invalid_request": "invalid_request",
    "smtp_4xx": "smtp_4xx",
    "smtp_rejected": "smtp_5xx",
    "template_error": "template",
}
_attempts = {pair: ATTEMPTS.labels(*pair) for pair in product(CHANNELS, ATTEMPT_OUTCOMES)}
_finished = {pair: DELIVERIES_FINISHED.labels(*pair) for pair in product(CHANNELS, FINISHED)}
_durations = {channel: ATTEMPT_DURATION.labels(channel) for channel in CHANNELS}
_since_event = {channel: SINCE_EVENT.labels(channel) for channel in CHANNELS}
_since_acceptance = {channel: SINCE_ACCEPTANCE.labels(channel) for channel in CHANNELS}


def attempt_outcome(attempt: Attempt) -> str:
    """Return one of `ATTEMPT_OUTCOMES`, which group the many error classes and codes."""
    if attempt.error is None:
        return "success"
    if attempt.error.startswith("http_") and attempt.status is not None:
        name = f"http_{attempt.status // 100}xx"
        return name if name in ATTEMPT_OUTCOMES else "http_other"
    return _BY_ERROR.get(attempt.error, "other")


def record_transition(task: Task, transition: Transition) -> None:
    """Count a recorded change of a delivery."""
    channel, attempt = task.channel, transition.attempt
    if attempt is not None:
        _attempts[channel, attempt_outcome(attempt)].inc()
        _durations[channel].observe(attempt.duration_ms / 1000)
    if transition.state in FINISHED:
        _finished[channel, transition.state].inc()
    if transition.state is DeliveryState.DELIVERED and attempt is not None:
        delivered_at = transition.at.timestamp()
        # The clocks of two machines may differ by more than a delivery takes.
        _since_event[channel].observe(max(delivered_at - event_time(task.content).timestamp(), 0.0))
        if task.accepted_at:
            _since_acceptance[channel].observe(max(delivered_at - task.accepted_at / 1000, 0.0))
