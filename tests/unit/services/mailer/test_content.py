"""A task becomes the right kind of mail with its own links; no event puts a link or a name of ours into another's."""

import msgspec
import pytest

from services.mailer.content import kind_of, variables_for
from shared.mail.branding import Branding
from shared.mail.kinds import MailKind
from shared.model.event import webhook_body
from shared.model.task import Task
from tests.support.values import a_task, an_event


def a_mail_task(type_: str, data: object, *, subscription_id: str = "", recipient: str = "ada@example.com") -> Task:
    event = an_event(type=type_, data=msgspec.json.encode(data))
    return a_task(
        channel="email",
        event_type=type_,
        subscription_id=subscription_id,
        recipient=recipient,
        body=webhook_body(event),
    )


@pytest.mark.parametrize(
    ("type_", "subscription_id", "kind"),
    [
        ("user.invited", "", MailKind.USER_INVITED),
        ("billing.export.ready", "", MailKind.BILLING_EXPORT_READY),
        ("user.invited", "es_1", MailKind.EVENT),
        ("certificate.issued", "es_1", MailKind.EVENT),
        ("email.confirmation", "es_1", MailKind.CONFIRM_SUBSCRIPTION),
    ],
)
def test_people_an_event_names_get_its_own_mail_and_subscribers_a_notice(
    type_: str, subscription_id: str, kind: MailKind
) -> None:
    assert kind_of(a_mail_task(type_, {}, subscription_id=subscription_id)) is kind


def test_a_subscriber_is_given_the_way_out() -> None:
    task = a_mail_task("certificate.issued", {"certificate_id": "c1"}, subscription_id="es_1")
    values = variables_for(kind_of(task), task, Branding(), {"unsubscribe_url": "https://x.example/u"})
    assert values["unsubscribe_url"] == "https://x.example/u"
    assert "certificate_id" in str(values["data"])


def test_an_address_that_is_asked_is_told_for_which_events_and_where_to_confirm() -> None:
    task = a_mail_task("email.confirmation", {"events": ["signer.*"]}, subscription_id="es_1")
    values = variables_for(
        kind_of(task), task, Branding(organization_name="Example Ltd"), {"confirm_url": "https://x.example/c"}
    )
    assert values == {
        "organization_name": "Example Ltd",
        "email": "ada@example.com",
        "confirm_url": "https://x.example/c",
        "events": ["signer.*"],
    }


def test_an_events_data_replaces_nothing_of_ours() -> None:
    data = {"accept_url": "https://app.example/a", "email": "eve@example.com", "app_name": "Eve", "logo_url": "x"}
    values = variables_for(MailKind.USER_INVITED, a_mail_task("user.invited", data), Branding(app_name="Acme"), {})
    assert (values["app_name"], values["email"]) == ("Acme", "ada@example.com")
    assert "logo_url" not in values
    assert values["accept_url"] == "https://app.example/a"
