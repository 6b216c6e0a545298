"""A tenant's mails look as it says, as far as that is safe: what is not is refused when it is saved, and named."""

from typing import Any

import pytest

from tests.mail_channel.answering import AnsweringMailbox, new_address, text_of
from tests.mail_channel.steps import ACCEPT_URL, invitation
from tests.support.system import Client, System

ROUTE = "/api/v1/branding"
INJECTION = "Ada\r\nBcc: eve@example.com\r\n\r\n<b>hello</b>"


async def save(client: Client, **branding: Any) -> Any:
    answer = await client.call("PUT", ROUTE, branding)
    assert answer.status == 200, answer
    return answer.body


async def test_a_new_tenant_has_the_built_in_branding_and_can_send_it_back(client: Client) -> None:
    shown = await client.get(ROUTE)
    assert (shown["app_name"], shown["logo_url"], shown["organization_name"]) == ("", "", "")
    kinds, parts = ("user_invited", "billing_export_ready", "event"), ("subject", "text", "html")
    assert shown["email_templates"] == {f"{kind}_{part}": None for kind in kinds for part in parts}
    assert await save(client, **shown) == shown


async def test_saving_replaces_everything(client: Client) -> None:
    await save(client, app_name="Acme", email_templates={"event_subject": "{{event_type}}"})
    saved = await save(client, organization_name="Example Ltd")
    assert (saved["app_name"], saved["organization_name"]) == ("", "Example Ltd")
    assert saved["email_templates"]["event_subject"] is None
    assert await client.get(ROUTE) == saved


@pytest.mark.parametrize(
    ("template", "offence"),
    [
        ({"user_invited_subject": "Hello {{frist_name}}"}, "{{frist_name}}"),
        ({"user_invited_text": "{{data}}"}, "{{data}}"),
        ({"event_text": "{% for item in data %}{{data}}{% endfor %}"}, "{%"),
        ({"event_text": "{{#each data}}x{{/each}}"}, "{{#each data}}"),
        ({"event_text": "{{ data|safe }}"}, "{{ data|safe }}"),
        ({"event_html": "<script>{{data}}</script>"}, "<script>"),
        ({"billing_export_ready_subject": "Ready\r\nBcc: eve@example.com"}, "control character"),
    ],
)
async def test_a_template_with_an_unknown_variable_or_a_loop_is_refused_by_name_and_nothing_is_saved(
    client: Client, template: dict[str, str], offence: str
) -> None:
    await save(client, app_name="Acme")
    answer = await client.call("PUT", ROUTE, {"app_name": "Other", "email_templates": template})
    assert answer.status == 422
    [error] = answer.body["errors"]
    assert error["field"] == f"email_templates.{next(iter(template))}"
    assert offence in error["message"]
    assert (await client.get(ROUTE))["app_name"] == "Acme"


async def test_every_field_that_is_wrong_is_named(client: Client) -> None:
    templates = {"event_subject": "{{a}}", "event_text": "{{event_id}}", "event_html": "{{b}}"}
    body = {"logo_url": "javascript:alert(1)", "email_templates": templates}
    answer = await client.call("PUT", ROUTE, body)
    fields = {error["field"] for error in answer.body["errors"]}
    assert fields == {"logo_url", "email_templates.event_subject", "email_templates.event_html"}


@pytest.mark.parametrize(
    "branding",
    [
        {"app_name": INJECTION},
        {"organization_name": "Example\nLtd"},
        {"app_name": "a" * 101},
        {"logo_url": "ftp://example.com/logo.png"},
        {"logo_url": "data:image/png;base64,AAAA"},
        {"logo_url": "https://user:word@example.com/logo.png"},
        {"logo_url": 'https://example.com/"onerror="alert(1)'},
        {"logo_url": "https://example.com/\r\nBcc: eve@example.com"},
        {"email_templates": {"reset_subject": "Hello"}},
        {"colour": "red"},
    ],
)
async def test_a_branding_that_could_not_be_shown_safely_is_refused(client: Client, branding: dict[str, Any]) -> None:
    answer = await client.call("PUT", ROUTE, branding)
    assert answer.status == 422, answer
    assert len(answer.body["errors"]) == 1


async def test_a_preview_shows_an_unsaved_branding_and_saves_nothing(client: Client) -> None:
    before = await client.get(ROUTE)
    unsaved = {"app_name": "Acme", "email_templates": {"user_invited_subject": "{{role}} at {{app_name}}"}}
    body = {"kind": "user_invited", "branding": unsaved, "variables": {"role": "<Chief>"}}
    answer = await client.call("POST", f"{ROUTE}/preview", body)
    assert answer.status == 200
    assert answer.body["subject"] == "<Chief> at Acme"
    assert "<Chief>" in answer.body["text"]
    assert "&lt;Chief&gt;" in answer.body["html"]
    assert "<Chief>" not in answer.body["html"]
    assert "https://app.example.com/invitations/inv_9" in answer.body["text"], "the catalogue's example"
    assert await client.get(ROUTE) == before


@pytest.mark.parametrize("kind", ["user_invited", "billing_export_ready", "event"])
async def test_a_preview_shows_the_saved_branding_in_every_kind_of_mail(client: Client, kind: str) -> None:
    await save(client, app_name="Acme & Sons", logo_url="https://app.example.com/logo.png")
    answer = await client.call("POST", f"{ROUTE}/preview", {"kind": kind})
    assert "Acme &amp; Sons" in answer.body["html"]
    assert 'src="https://app.example.com/logo.png"' in answer.body["html"]
    assert "Acme & Sons" in answer.body["text"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"kind": "reset"}, "kind"),
        ({"kind": "confirm_subscription"}, "kind"),
        ({"kind": "event", "variables": {"accept_url": "x"}}, "variables.accept_url"),
        ({"kind": "event", "event_type": "no.such"}, "event_type"),
        (
            {"kind": "event", "branding": {"email_templates": {"event_text": "{{x}}"}}},
            "branding.email_templates.event_text",
        ),
    ],
)
async def test_a_preview_of_what_does_not_exist_is_refused_by_name(
    client: Client, wrong: dict[str, Any], field: str
) -> None:
    answer = await client.call("POST", f"{ROUTE}/preview", wrong)
    assert (answer.status, [error["field"] for error in answer.body["errors"]]) == (422, [field])


async def test_a_mail_is_written_with_the_tenants_own_templates(
    mail_system: System, mailbox: AnsweringMailbox, client: Client, tenant: str
) -> None:
    templates = {"user_invited_subject": "Join {{organization_name}}", "user_invited_text": "Go to {{accept_url}}"}
    await save(client, app_name="Acme", organization_name="Example Ltd", email_templates=templates)
    address = new_address()
    await mail_system.publish(invitation(tenant, address))
    [mail] = await mailbox.wait_for(address)
    assert mail["Subject"] == "Join Example Ltd"
    assert text_of(mail).strip() == f"Go to {ACCEPT_URL}"
    html = mail.get_body(("html",))
    assert html is not None
    assert "Acme" in html.get_content()


async def test_no_line_break_in_any_field_becomes_a_header(
    mail_system: System, mailbox: AnsweringMailbox, client: Client, tenant: str
) -> None:
    fields = ("role", "inviter_name", "organization_name", "expires_at")
    subject = " ".join(f"{{{{{name}}}}}" for name in fields)
    await save(client, email_templates={"user_invited_subject": subject})
    harmless, hostile = new_address(), new_address()
    await mail_system.publish(invitation(tenant, harmless, **dict.fromkeys(fields, "Ada")))
    await mail_system.publish(
        invitation(tenant, hostile, **dict.fromkeys((*fields, "app_name", "logo_url"), INJECTION))
    )
    [expected] = await mailbox.wait_for(harmless)
    [mail] = await mailbox.wait_for(hostile)
    assert mail.keys() == expected.keys()
    assert mail["Bcc"] is None
    assert mail["Subject"] == " ".join(["Ada Bcc: eve@example.com <b>hello</b>"] * len(fields))
    html = mail.get_body(("html",))
    assert html is not None
    assert "<b>hello</b>" not in html.get_content()
