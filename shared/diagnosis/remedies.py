"""What to do about a delivery that was given up or not sent: one sentence for each reason. Pure."""

from typing import Final

from shared.model.reasons import DeadReason, DisabledReason, SkipReason

AFTER_DEATH: Final = {
    DeadReason.HTTP_4XX: "Compare the answer with the body (`worker dlq show ID`): the receiver must accept what it "
    "refused, or NOTIFICATION_RETRY_4XX must name the code; then replay.",
    DeadReason.GONE: "The receiver says that the URL no longer exists: ask its owner, correct the URL, enable the "
    "webhook, then replay.",
    DeadReason.RETRIES_EXHAUSTED: "Wait until the receiver works (POST …/webhooks/ID/test shows it), then replay.",
    DeadReason.URL_REFUSED: "Give the webhook a public https URL; or, for an internal receiver, list it in "
    "SECURITY_OUTBOUND_ALLOWED_HOSTS or …_NETWORKS; then replay.",
    DeadReason.WEBHOOK_DISABLED: "Enable the webhook (PATCH with enabled: true), then replay or `recover`.",
    DeadReason.TEST_FAILED: "It was only a test: correct the receiver and test again.",
    DeadReason.TRANSPORT_DISABLED: "Set NOTIFICATION_TRANSPORT to cover the channel, then replay.",
    DeadReason.SMTP_REJECTED: "Read the mail server's answer. If the address is wrong, discard the letter; if the "
    "server rejects the sender, settle that with its operator, then replay.",
    DeadReason.TEMPLATE_ERROR: "Correct the tenant's template (PUT /api/v1/branding, with preview), then replay.",
    DeadReason.INVALID_EVENT: "The producer must correct the named field and publish the event again; discard this "
    "one. If the catalogue was wrong (EVENT_TYPES_FILE), correct it and replay.",
    DeadReason.UNDECODABLE: "Another program publishes to Signalpost's exchanges: identify it by the headers, then "
    "discard.",
    DeadReason.CRASH_LOOP: "Look for processes that die repeatedly while they handle it, update them, then replay.",
    DeadReason.INTERNAL_ERROR: "Look up the trace in the log (dispatch.bug or delivery.bug), report it, and replay "
    "after the update.",
}
AFTER_SKIP: Final = {
    SkipReason.WEBHOOK_DISABLED: "Enable the webhook, then POST /api/v1/webhooks/ID/recover.",
    SkipReason.TRANSPORT_DISABLED: "Set NOTIFICATION_TRANSPORT to cover the channel, then recover or resend.",
    SkipReason.UNCONFIRMED: "The recipient must follow the link in the confirmation mail; then resend.",
}
WHY_DISABLED: Final = {
    DisabledReason.GONE: "its receiver answered 410 Gone",
    DisabledReason.CONSECUTIVE_FAILURES: "too many consecutive deliveries had failed",
    DisabledReason.OWNER: "its owner disabled it",
    DisabledReason.UNSUBSCRIBED: "its recipient unsubscribed",
}


def remedy(reason: str | None, *, is_dead: bool) -> str:
    """Return what to do about a dead or skipped delivery; '' for a reason that only a newer version knows."""
    if is_dead:
        return AFTER_DEATH[DeadReason(reason)] if reason in set(DeadReason) else ""
    return AFTER_SKIP[SkipReason(reason)] if reason in set(SkipReason) else ""


def why_disabled(reason: str | None) -> str:
    """Return why a subscription is disabled, as the end of a sentence."""
    return (
        WHY_DISABLED[DisabledReason(reason)] if reason in set(DisabledReason) else reason or "no reason is recorded"
    )
