"""The program of the SMTP inbox: takes every mail, delivers none, and shows them on a page and over HTTP.

`python -m deploy.local.inbox_server`, started by `inbox.py`. The API is Mailpit's. What mails say is shown to people
only escaped, and HTML bodies only in a frame that may run and load nothing.
"""

import argparse
import asyncio
from html import escape
from pathlib import Path

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.mails import Mail, Mailbox

_MAILBOX = web.AppKey("mailbox", Mailbox)
_STYLE = "body{font:15px/1.5 sans-serif;margin:2em auto;max-width:60em}td,th{text-align:left;padding:.2em 1em .2em 0}"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


class Receiver:
    """Puts what arrives over SMTP into the mailbox before it answers the sender."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep one mail."""
        content = envelope.content
        raw = content.encode() if isinstance(content, str) else content or b""
        mail = self._mailbox.add(raw, sender=envelope.mail_from or "", recipients=envelope.rcpt_tos)
        return f"250 2.0.0 Ok: kept as {mail.identity}"


async def list_messages(request: web.Request) -> web.Response:
    """`GET /api/v1/messages`: the newest first, `limit` (50) of them from `start` (0) on."""
    mails = request.app[_MAILBOX].newest_first()
    start, limit = int(request.query.get("start", "0")), int(request.query.get("limit", "50"))
    page = [mail.summary() for mail in mails[start : start + limit]]
    total = {"total": len(mails), "unread": len(mails), "messages_count": len(mails), "messages_unread": len(mails)}
    return web.json_response({**total, "count": len(page), "start": start, "tags": [], "messages": page})


async def delete_messages(request: web.Request) -> web.Response:
    """`DELETE /api/v1/messages`: all of them."""
    request.app[_MAILBOX].clear()
    return web.Response(text="ok")


async def show_message(request: web.Request) -> web.Response:
    """`GET /api/v1/message/{ID}`."""
    return web.json_response(_mail(request).details())


async def show_headers(request: web.Request) -> web.Response:
    """`GET /api/v1/message/{ID}/headers`."""
    return web.json_response(_mail(request).headers())


async def show_list(request: web.Request) -> web.Response:
    """`GET /`: the mails for a person; the page renews itself."""
    rows = "".join(
        f"<tr><td>{escape(mail['Created'])}<td>{escape(', '.join(to['Address'] for to in mail['To'] + mail['Bcc']))}"
        f"<td><a href='/mail/{mail['ID']}'>{escape(mail['Subject']) or '(no subject)'}</a></tr>"
        for mail in (kept.summary() for kept in request.app[_MAILBOX].newest_first()[:100])
    )
    table = f"<table><tr><th>Time<th>To<th>Subject</tr>{rows}</table>" if rows else "<p>No mail yet.</p>"
    return _page("Inbox", table, refresh=True)


async def show_mail(request: web.Request) -> web.Response:
    """`GET /mail/{ID}`: one mail for a person."""
    mail = _mail(request)
    details = mail.details()
    headers = "".join(
        f"<tr><th>{escape(name)}<td>{escape(value)}</tr>"
        for name, values in mail.headers().items()
        for value in values
    )
    body = f"<p><a href='/'>Inbox</a></p><table>{headers}</table><hr><pre>{escape(details['Text'])}</pre>"
    if details["HTML"]:
        frame = f"srcdoc='{escape(details['HTML'])}'"
        body += f"<hr><iframe sandbox {frame} style='width:100%;height:30em;border:1px solid #ccc'></iframe>"
    return _page(escape(details["Subject"]), body)


def _mail(request: web.Request) -> Mail:
    mail = request.app[_MAILBOX].get(request.match_info["id"])
    if mail is None:
        raise web.HTTPNotFound(text="no such message")
    return mail


def _page(title: str, body: str, *, refresh: bool = False) -> web.Response:
    renew = "<meta http-equiv='refresh' content='3'>" if refresh else ""
    head = f"<!doctype html><meta charset=utf-8><title>{title}</title>{renew}<style>{_STYLE}</style>"
    text = f"{head}<h1>{title}</h1>{body}"
    return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": _POLICY})


def _application(mailbox: Mailbox) -> web.Application:
    app = web.Application()
    app[_MAILBOX] = mailbox
    app.add_routes(
        [
            web.get("/", show_list),
            web.get("/mail/{id}", show_mail),
            web.get("/api/v1/messages", list_messages),
            web.delete("/api/v1/messages", delete_messages),
            web.get("/api/v1/message/{id}", show_message),
            web.get("/api/v1/message/{id}/headers", show_headers),
        ]
    )
    return app


async def serve(*, smtp_port: int, http_port: int, folder: Path, hostname: str) -> None:
    """Serve on loopback until cancelled; `hostname` is how the SMTP server greets."""
    mailbox = Mailbox(folder)
    runner = web.AppRunner(_application(mailbox), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", http_port).start()
    receiver = Receiver(mailbox)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(receiver, hostname=hostname, enable_SMTPUTF8=True, loop=loop), "127.0.0.1", smtp_port
    )
    async with server:
        await server.serve_forever()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--hostname", required=True)
    asyncio.run(serve(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
