"""How a tenant's mails look: what its administrators write, and what a preview shows."""

from typing import Annotated, Any, Literal

from pydantic import Field

from services.api.http.schemas import AnswerModel, RequestModel
from shared.mail.kinds import VARIABLES, MailKind

MAX_NAME = 100
MAX_URL = 2048
_ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"

Name = Annotated[str, Field(max_length=MAX_NAME, pattern=_ONE_LINE)]
LogoUrl = Annotated[
    str,
    Field(
        max_length=MAX_URL,
        description="An http or https URL of an image; empty shows the app's name.",
        examples=["https://app.example.com/logo.png"],
    ),
]


def _template(kind: MailKind) -> Any:
    names = ", ".join(f"`{{{{{name}}}}}`" for name in VARIABLES[kind])
    return Field(default=None, description=f"Variables: {names}. Null means the built-in one.")


class EmailTemplates(RequestModel):
    """The tenant's own templates: `{{variable}}` is filled in, and there is nothing else to it."""

    user_invited_subject: str | None = _template(MailKind.USER_INVITED)
    user_invited_text: str | None = _template(MailKind.USER_INVITED)
    user_invited_html: str | None = _template(MailKind.USER_INVITED)
    billing_export_ready_subject: str | None = _template(MailKind.BILLING_EXPORT_READY)
    billing_export_ready_text: str | None = _template(MailKind.BILLING_EXPORT_READY)
    billing_export_ready_html: str | None = _template(MailKind.BILLING_EXPORT_READY)
    event_subject: str | None = _template(MailKind.EVENT)
    event_text: str | None = _template(MailKind.EVENT)
    event_html: str | None = _template(MailKind.EVENT)


class BrandingBody(RequestModel):
    """A tenant's branding, complete: what is left out gets its default."""

    app_name: Name = Field(default="", description="What the product is called; empty means Signalpost.")
    logo_url: LogoUrl = ""
    organization_name: Name = Field(
        default="", description="Shown in every mail, before a name that an event brings; empty leaves that."
    )
    email_templates: EmailTemplates = EmailTemplates()


class PreviewRequest(RequestModel):
    """Which mail to show, and with what."""

    kind: Literal["user_invited", "billing_export_ready", "event"]
    branding: BrandingBody | None = Field(
        default=None, description="A branding that is not saved yet; null shows the saved one."
    )
    event_type: str | None = Field(
        default=None, max_length=300, description="For `event`: whose example is shown as the event's data."
    )
    variables: dict[str, Any] = Field(
        default={}, max_length=50, description="Values in the place of the example's; unknown names are refused."
    )


class Preview(AnswerModel):
    """A mail as its recipient would get it."""

    subject: str
    text: str
    html: str
