"""Sends mails with aiosmtplib and nothing else: `python -m benchmarks.bare_mail PORT CONNECTIONS MAILS`.

One loop for each connection, the same payload each time, of the size of a real one (4.8 kB). Prints one line of JSON:
operations, wall and CPU seconds, measured inside and without the start.
"""

import argparse
import asyncio
import json
import time
from email.message import EmailMessage

import aiosmtplib
import uvloop

SENDER, RECIPIENT = "no-reply@localhost.localdomain", "ada@example.com"


def payload() -> bytes:
    """Return a mail in text and HTML, about as large as an invitation."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, RECIPIENT, "You are invited to Example Ltd"
    message.set_content("You are invited to join Example Ltd.\n" * 10)
    message.add_alternative("<p>You are invited to join <b>Example Ltd</b>.</p>\n" * 78, subtype="html")
    return message.as_bytes().replace(b"\n", b"\r\n")


async def send(port: int, connections: int, mails: int) -> None:
    """Send this many mails over this many concurrent connections."""
    text, left = payload(), mails

    async def sending() -> None:
        nonlocal left
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as smtp:
            while left > 0:
                left -= 1
                await smtp.sendmail(SENDER, [RECIPIENT], text)

    await asyncio.gather(*(sending() for _ in range(connections)))


def main() -> None:
    """Send and print what it took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("connections", type=int)
    parser.add_argument("mails", type=int)
    arguments = parser.parse_args()
    started, used = time.monotonic(), time.process_time()
    uvloop.run(send(arguments.port, arguments.connections, arguments.mails))
    seconds, cpu_seconds = time.monotonic() - started, time.process_time() - used
    print(json.dumps({"operations": arguments.mails, "seconds": seconds, "cpu_seconds": cpu_seconds}))


if __name__ == "__main__":
    main()
