"""What the routes for branding do: check it, store it, and show what its mails would look like.

Templates are checked here when they are saved, so that a mail never fails on one that was fine then.
"""

import re
from collections.abc import Mapping
from typing import Any

from services.api.branding.schemas import BrandingBody, EmailTemplates, Preview, PreviewRequest
from services.api.http.context import ApiContext
from services.api.http.problems import FieldProblem, invalid_fields
from shared.catalogue import Catalogue
from shared.mail.branding import Branding
from shared.mail.errors import TemplateRefused
from shared.mail.kinds import TEMPLATE_FIELDS, VARIABLES, MailKind
from shared.mail.samples import SAMPLES
from shared.mail.templates import check_template, render

_LOGO_URL = re.compile(
    r"https?://[^\s/\\@\"'<>\x00-\x1f\x7f-\x9f]+(/[^\s\"'<>\\\x00-\x1f\x7f-\x9f]*)?", re.IGNORECASE
)
_EXAMPLE_OF = {MailKind.USER_INVITED: "user.invited", MailKind.BILLING_EXPORT_READY: "billing.export.ready"}
_DEFAULT_EVENT = "certificate.issued"


def body_of(branding: Branding) -> BrandingBody:
    """Return what an administrator is shown: the same that can be sent back."""
    return BrandingBody(
        app_name=branding.app_name,
        logo_url=branding.logo_url,
        organization_name=branding.organization_name,
        email_templates=EmailTemplates(**branding.email_templates),
    )


def checked_branding(body: BrandingBody, *, prefix: str = "") -> Branding:
    """Return the branding that a body means.

    Raises:
        Problem: with one entry for each field that can't be used.
    """
    templates = {name: text for name, text in body.email_templates.model_dump().items() if text}
    errors = []
    if body.logo_url and not _LOGO_URL.fullmatch(body.logo_url):
        message = "Expected an http or https URL, such as https://app.example.com/logo.png."
        errors.append(FieldProblem(field=f"{prefix}logo_url", message=message, code="invalid_url"))
    for name, text in templates.items():
        try:
            check_template(*TEMPLATE_FIELDS[name], text)
        except TemplateRefused as refused:
            errors.append(_template_problem(refused, prefix))
    if errors:
        raise invalid_fields(errors)
    return Branding(
        app_name=body.app_name,
        logo_url=body.logo_url,
        organization_name=body.organization_name,
        email_templates=templates,
    )


async def preview(context: ApiContext, tenant_id: str, wanted: PreviewRequest) -> Preview:
    """Return a mail as its recipient would get it, with example values; nothing is stored or sent.

    Raises:
        Problem: the given branding can't be used, or a variable or event type doesn't exist.
    """
    if wanted.branding is None:
        branding = await context.branding.get(tenant_id)
    else:
        branding = checked_branding(wanted.branding, prefix="branding.")
    kind = MailKind(wanted.kind)
    values = _values(kind, wanted, context.catalogue) | {"app_name": branding.app_name, "logo_url": branding.logo_url}
    if branding.organization_name:
        values["organization_name"] = branding.organization_name
    try:
        mail = render(kind, branding.email_templates, values)
    except TemplateRefused as refused:  # saved when the variable still existed
        raise invalid_fields([_template_problem(refused, "branding.")]) from refused
    except RecursionError as error:
        message = "The values are nested too deeply to be shown."
        raise invalid_fields([FieldProblem(field="variables", message=message, code="too_deep")]) from error
    return Preview(subject=mail.subject, text=mail.text, html=mail.html)


def _values(kind: MailKind, wanted: PreviewRequest, catalogue: Catalogue) -> dict[str, Any]:
    unknown = sorted(set(wanted.variables) - set(VARIABLES[kind]))
    if unknown:
        known = ", ".join(VARIABLES[kind])
        raise invalid_fields(
            [
                FieldProblem(
                    field=f"variables.{name[:64]}",
                    message=f"There is no variable {name[:64]}; there are: {known}.",
                    code="unknown_variable",
                )
                for name in unknown
            ]
        )
    return {**SAMPLES[kind], **_example(kind, wanted, catalogue), **wanted.variables}


def _example(kind: MailKind, wanted: PreviewRequest, catalogue: Catalogue) -> Mapping[str, Any]:
    event_type = _EXAMPLE_OF.get(kind) or wanted.event_type or _DEFAULT_EVENT
    entry = catalogue.get(event_type)
    if entry is None:
        message = f"There is no event type {event_type!r}; GET /api/v1/event-types lists them."
        raise invalid_fields([FieldProblem(field="event_type", message=message, code="unknown_event_type")])
    if kind is MailKind.EVENT:
        return {"event_type": event_type, "data": entry.example}
    return entry.example


def _template_problem(refused: TemplateRefused, prefix: str) -> FieldProblem:
    return FieldProblem(
        field=f"{prefix}email_templates.{refused.field}",
        message=f"{refused.field}: {refused.offence}: {refused.detail}.",
        code="invalid_template",
    )
