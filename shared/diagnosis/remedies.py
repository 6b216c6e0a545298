"""What to do about a delivery that was given up or not sent: one sentence for each reason. Pure."""

from typing import Final

from shared.model.reasons import DeadReason, DisabledReason, SkipReason

AFTER_DEATH: Final = {
    DeadReason.HTTP_4XX: "Compare the answer with the body (`worker dlq show ID`): the receiver has to take what it "
    "refused, or NOTIFICATION_RETRY_4XX has to name the code; then replay.",
    DeadReason.GONE: "The receiver says that the address is given up: ask its owner, correct the URL, enable the "
    "webhook, then replay.",
    DeadReason.RETRIES_EXHAUSTED: "Wait until the receiver answers (POST …/webhooks/ID/test tells), then replay.",
    DeadReason.URL_REFUSED: "Give the webhook a public https URL; or, for an internal receiver, name it in "
    "SECURITY_OUTBOUND_ALLOWED_HOSTS or …_NETWORKS; then replay.",
    DeadReason.WEBHOOK_DISABLED: "Enable the webhook (PATCH with enabled: true), then replay or `recover`.",
    DeadReason.TEST_FAILED: "It was only a test: correct the receiver and send another one.",
    DeadReason.TRANSPORT_DISABLED: "Set NOTIFICATION_TRANSPORT to cover the channel, then replay.",
    DeadReason.SMTP_REJECTED: "Read the mail server's answer: a wrong address stays dead (discard it); what the "
    "server has against the sender has to be settled with it first, then replay.",
    DeadReason.TEMPLATE_ERROR: "Correct the tenant's template (PUT /api/v1/branding, with preview), then replay.",
    DeadReason.INVALID_EVENT: "The producer has to correct the named field and publish the event again; discard this "
    "one. If the catalogue was wrong (EVENT_TYPES_FILE), correct that and replay.",
    DeadReason.UNDECODABLE: "Something else than Signalpost publishes to its exchanges: find it by the headers, then "
    "discard.",
    DeadReason.CRASH_LOOP: "Look for processes that die again and again over it, update them, then replay.",
    DeadReason.INTERNAL_ERROR: "Look up the trace in the log (dispatch.bug or delivery.bug), report it, and replay "
    "after the update.",
}
AFTER_SKIP: Final = {
    SkipReason.WEBHOOK_DISABLED: "Enable the webhook, then POST /api/v1/webhooks/ID/recover.",
    SkipReason.TRANSPORT_DISABLED: "Set NOTIFICATION_TRANSPORT to cover the channel, then recover or resend.",
    SkipReason.UNCONFIRMED: "The recipient has to follow the link in the mail that asked for it; then resend.",
}
WHY_DISABLED: Final = {
    DisabledReason.GONE: "its receiver answered 410 Gone",
    DisabledReason.CONSECUTIVE_FAILURES: "too many deliveries in a row had failed",
    DisabledReason.OWNER: "its owner disabled it",
    DisabledReason.UNSUBSCRIBED: "its recipient unsubscribed",
}


def remedy(reason: str | None, *, is_dead: bool) -> str:
    """Return what to do about a dead or skipped delivery; '' for a reason that a newer version wrote."""
    if is_dead:
        return AFTER_DEATH[DeadReason(reason)] if reason in set(DeadReason) else ""
    return AFTER_SKIP[SkipReason(reason)] if reason in set(SkipReason) else ""


def why_disabled(reason: str | None) -> str:
    """Return why a subscription is disabled, as the end of a sentence."""
    return WHY_DISABLED[DisabledReason(reason)] if reason in set(DisabledReason) else reason or "nobody noted why"
