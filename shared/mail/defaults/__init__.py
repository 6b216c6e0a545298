"""The built-in templates: `<kind>.subject.txt`, `<kind>.txt`, and `<kind>.html` inside `layout.html`.

Unlike customers' templates they may have sections: `{{?name}}…{{/name}}` is kept if the variable has a value,
`{{^name}}…{{/name}}` if not. The first line of `<kind>.html` is the preheader (which mailboxes preview).
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources

from shared.mail.kinds import MailKind, MailPart

_SECTION = re.compile(r"\{\{([?^])(\w+)\}\}(.*?)\{\{/\2\}\}", re.DOTALL)


@cache
def template(kind: MailKind, part: MailPart) -> str:
    """The built-in template, sections included."""
    if part is MailPart.SUBJECT:
        return _read(f"{kind}.subject.txt").strip()
    if part is MailPart.TEXT:
        return _read(f"{kind}.txt")
    preheader, _, content = _read(f"{kind}.html").partition("\n")
    layout = _read("layout.html")
    return layout.replace("<!-- preheader -->", preheader).replace("<!-- content -->", content)


def choose_sections(text: str, values: Mapping[str, str]) -> str:
    """The template with each section kept or dropped by its variable's value; equal names don't nest."""

    def kept(match: re.Match[str]) -> str:
        sign, name, inner = match.groups()
        return choose_sections(inner, values) if bool(values.get(name)) == (sign == "?") else ""

    return _SECTION.sub(kept, text)


def _read(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")
