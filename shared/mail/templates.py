"""Templates that customers write: checked when saved, filled in when sent.

`{{variable}}` is the only syntax: no logic, no expressions, no second pass over values. A value can become neither
markup in the HTML part nor a header through the subject.
"""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass

from shared.mail import defaults
from shared.mail.errors import TemplateRefused
from shared.mail.kinds import SIZE_LIMITS, TEMPLATE_FIELDS, VARIABLES, MailKind, MailPart
from shared.mail.markup import check_markup
from shared.mail.values import CONTROL, clean, one_line

SUBJECT_LIMIT = 250
"""Maximum characters of a rendered subject, because values from events have no limit."""

_PLACEHOLDER = re.compile(r"(?<!\{)\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}(?!\})")
_LINE_BREAK_OR_TAB = re.compile(r"[\r\n\t]")
_OTHER_BRACES = re.compile(r"\{{2,10}[^{}\n]{0,60}\}{0,10}|\}\}|\{[%#]")


@dataclass(frozen=True, kw_only=True)
class RenderedMail:
    """One mail's content, ready to be composed into a message."""

    subject: str
    text: str
    html: str


def check_template(kind: MailKind, part: MailPart, text: str) -> None:
    """Refuse a template that can't be rendered safely, or that uses unknown variables.

    Raises TemplateRefused, whose message names the field and the fault.
    """
    field = f"{kind}_{part}"
    _check_size(field, part, text)
    if CONTROL.search(text if part is MailPart.SUBJECT else _LINE_BREAK_OR_TAB.sub("", text)):
        raise TemplateRefused(field, "a control character", "only text and html may have line breaks and tabs")
    known = VARIABLES[kind]
    for match in _PLACEHOLDER.finditer(text):
        if match[1] not in known:
            raise TemplateRefused(field, match[0], "unknown variable; known are " + ", ".join(known))
    if wrong := _OTHER_BRACES.search(_PLACEHOLDER.sub("", text)):
        raise TemplateRefused(field, wrong[0], "only {{variable}} is possible; in CSS, put a space between braces")
    if part is MailPart.HTML:
        check_markup(field, text)


def render(kind: MailKind, templates: Mapping[str, str] | None, variables: Mapping[str, object]) -> RenderedMail:
    """Fill in the customer's templates (`email_templates` of the branding); the default replaces a missing part.

    Raises TemplateRefused if a stored template names a variable that doesn't (or no longer) exist.
    """
    values = clean(kind, variables)
    escaped = {name: html.escape(value, quote=True) for name, value in values.items()}
    subject = _fill(kind, MailPart.SUBJECT, templates, {name: one_line(value) for name, value in values.items()})
    subject = one_line(subject)
    if len(subject) > SUBJECT_LIMIT:
        subject = subject[: SUBJECT_LIMIT - 1] + "…"
    return RenderedMail(
        subject=subject,
        text=_fill(kind, MailPart.TEXT, templates, values),
        html=_fill(kind, MailPart.HTML, templates, escaped),
    )


def _fill(kind: MailKind, part: MailPart, templates: Mapping[str, str] | None, values: Mapping[str, str]) -> str:
    field = f"{kind}_{part}"
    template = (templates or {}).get(field) if field in TEMPLATE_FIELDS else None
    if not template:
        template = defaults.choose_sections(defaults.template(kind, part), values)

    def value_of(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise TemplateRefused(field, match[0], "unknown variable; known are " + ", ".join(values))
        return values[match[1]]

    return _PLACEHOLDER.sub(value_of, template)


def _check_size(field: str, part: MailPart, text: str) -> None:
    limit = SIZE_LIMITS[part]
    try:
        octets = len(text.encode())
    except UnicodeEncodeError as error:
        raise TemplateRefused(field, "half a surrogate pair", "not valid Unicode") from error
    if part is MailPart.SUBJECT and len(text) > limit:
        raise TemplateRefused(field, f"{len(text)} characters", f"at most {limit} are possible")
    if part is not MailPart.SUBJECT and octets > limit:
        raise TemplateRefused(field, f"{octets} octets", f"at most {limit} are possible")
