"""The tiny pages behind the links in mails: a sentence and perhaps a button. Pure.

Nothing is loaded and no script runs. The button posts to the page's own address: programs that open every link of a
mail to look at it send GETs, and those change nothing.
"""

from html import escape
from typing import Final

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}
"""Of every page; the address is a capability, so no cache, no search engine and no other site gets to see it."""

_PAGE: Final = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
  :root {{ color-scheme: light dark; --page: #f3f5f8; --card: #fff; --line: #e1e6ed; --strong: #161c26;
    --text: #3b4552; --button: #1f5fe0; }}
  @media (prefers-color-scheme: dark) {{ :root {{ --page: #14171c; --card: #1f242c; --line: #343b46;
    --strong: #f2f4f7; --text: #cdd3dc; --button: #2e69e6; }} }}
  body {{ margin: 0; padding: 12vh 16px; background: var(--page); color: var(--text);
    font: 16px/24px -apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }}
  main {{ max-width: 460px; margin: 0 auto; padding: 36px 40px; background: var(--card);
    border: 1px solid var(--line); border-radius: 12px; overflow-wrap: anywhere; }}
  h1 {{ margin: 0 0 16px; font-size: 22px; line-height: 30px; font-weight: 600; color: var(--strong); }}
  p {{ margin: 0 0 16px; }} p:last-child {{ margin: 0; }}
  form {{ margin: 24px 0 0; }}
  button {{ padding: 13px 26px; border: 0; border-radius: 8px; background: var(--button); color: #fff;
    font: inherit; font-weight: 600; cursor: pointer; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
{content}
</main>
</body>
</html>
"""


def page(title: str, *sentences: str, button: str = "") -> str:
    """Return a page; everything in it is escaped here."""
    content = [f"<p>{escape(sentence)}</p>" for sentence in sentences]
    if button:
        content.append(f'<form method="post"><button type="submit">{escape(button)}</button></form>')
    return _PAGE.format(title=escape(title), content="\n".join(content))
