"""Sample variables for each kind of mail, for the branding preview. Data only."""

from collections.abc import Mapping

from shared.mail.kinds import MailKind

SAMPLES: Mapping[MailKind, Mapping[str, object]] = {
    MailKind.USER_INVITED: {
        "email": "ana@example.com",
        "organization_name": "Nordwind Logistics",
        "accept_url": "https://app.example.com/invitations/5f1c9e/accept",
        "role": "Auditor",
        "inviter_name": "Kim Reyes",
        "expires_at": "2026-11-28T10:00:00Z",
    },
    MailKind.BILLING_EXPORT_READY: {
        "email": "billing@example.com",
        "organization_name": "Nordwind Logistics",
        "export_id": "exp_2026_10",
        "download_url": "https://app.example.com/billing/exports/exp_2026_10",
        "period_start": "2026-10-01",
        "period_end": "2026-10-31",
        "format": "csv",
        "expires_at": "2026-12-01T00:00:00Z",
    },
    MailKind.EVENT: {
        "email": "ops@example.com",
        "organization_name": "Nordwind Logistics",
        "event_type": "certificate.issued",
        "event_id": "evt_k3v7q2x5m4",
        "event_time": "2026-11-21T10:00:00Z",
        "subject": "certificates/cert_42",
        "data": {"certificate_id": "cert_42", "device": {"serial": "NW-0042", "method": "NIST 800-88 purge"}},
        "unsubscribe_url": "https://signalpost.example.com/unsubscribe/9b1d",
    },
    MailKind.CONFIRM_SUBSCRIPTION: {
        "email": "ops@example.com",
        "organization_name": "Nordwind Logistics",
        "confirm_url": "https://signalpost.example.com/confirm/9b1d",
        "events": ["certificate.*", "policy.violated"],
    },
}
