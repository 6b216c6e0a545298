"""Checks where variables stand in an HTML template.

Escaping makes a value safe only in text and in quoted attributes, so a template with a variable anywhere else is
refused when it is saved.
"""

import re
from html.parser import HTMLParser

from shared.mail.errors import TemplateRefused
from shared.mail.kinds import URL_VARIABLES

_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_LEADING_VARIABLE = re.compile(r"\s*\{\{\s*(\w+)\s*\}\}")
_TAG_NAME = re.compile(r"<[/!?]?\{\{")
_LINKS = frozenset({"href", "src", "action", "formaction", "background", "poster", "cite", "data"})


def check_markup(field: str, text: str) -> None:
    """Raise TemplateRefused for a variable as a tag, outside an attribute's quotes, in a script, style sheet or event
    handler, or for a variable at the start of a link that isn't a URL.
    """
    if tag := _TAG_NAME.search(text):
        raise TemplateRefused(field, tag[0], "a variable can't be a tag")
    places = _Places(field)
    places.feed(text)
    places.close()


class _Places(HTMLParser):
    def __init__(self, field: str) -> None:
        super().__init__(convert_charrefs=True)
        self._field = field
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        source = self.get_starttag_text() or ""
        if "{{" in _QUOTED.sub("", source):
            raise TemplateRefused(self._field, source[:80], "a variable in a tag must be inside quotes")
        for name, value in attrs:
            self._check_attribute(name, value or "")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in {"script", "style"} and "{{" in data:
            raise TemplateRefused(self._field, f"<{self._inside}>", "variables are not allowed here")

    def _check_attribute(self, name: str, value: str) -> None:
        if "{{" not in value:
            return
        if name.startswith("on"):
            raise TemplateRefused(self._field, name, "variables are not allowed in an event handler")
        first = _LEADING_VARIABLE.match(value)
        if name in _LINKS and first and first[1] not in URL_VARIABLES:
            wanted = ", ".join(sorted(URL_VARIABLES))
            raise TemplateRefused(self._field, f"{name}={value[:80]}", f"a link can start only with {wanted}")
