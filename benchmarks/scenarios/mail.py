"""Mails per second through one mailer, beside a bare aiosmtplib loop over the same number of connections.

The queue of invitations is full before the mailer starts; each is read, rendered from its template, composed, sent,
recorded and acked. The bare loop sends the same bytes again and again.
"""

from collections import defaultdict

from benchmarks.bench import Bench
from benchmarks.figures import Measured, figure
from benchmarks.meter import Window, watch
from benchmarks.pipeline import END
from benchmarks.scenarios.stages import SKIPPED
from benchmarks.smtp_sink import SmtpSink
from benchmarks.system import System
from deploy.local.process import wait_until
from shared.model.event import Event, rfc3339
from shared.model.topology import EMAIL, to_send_queue
from shared.process.clock import utc_now

NAME = "mail"
CONNECTIONS = 8
"""The mailer's default."""
INVITATION = (
    b'{"email":"guest%d@example.com","accept_url":"https://app.example.com/invitations/inv_%d",'
    b'"role":"CLIENT_ADMIN","organization_name":"Example Ltd","inviter_name":"Charles"}'
)


async def measure(bench: Bench) -> Measured:
    """Let the bare loop and the mailer take turns."""
    mails = bench.size(full=4_000, quick=600)
    rates: dict[str, list[float]] = defaultdict(list)
    per_cpu: dict[str, list[float]] = defaultdict(list)
    windows: list[Window] = []
    for _ in range(bench.repeats):
        sink = SmtpSink()
        async with bench.process("smtp-sink", sink.argv):
            await wait_until(sink.ready, within=30, what="the SMTP sink greets")
            arguments = [str(number) for number in (sink.port, CONNECTIONS, mails)]
            bare = await bench.result("bare-mail", "benchmarks.bare_mail", *arguments)
            rates["bare"].append(bare["operations"] / bare["seconds"])
            per_cpu["bare"].append(bare["operations"] / bare["cpu_seconds"])
            windows.append(await drain(bench, sink, mails))
            await sink.close()
        rates["mailer"].append(windows[-1].rate)
        per_cpu["mailer"].append(windows[-1].per_cpu_second("mailer"))
    return Measured(
        [
            figure(NAME, "mailer beside bare aiosmtplib", rates["mailer"], "per s", references=rates["bare"]),
            figure(NAME, "mailer beside bare aiosmtplib", per_cpu["mailer"], "per CPU-s", references=per_cpu["bare"]),
            *(
                figure(NAME, f"CPU: {process}", [window.cpu_micros()[process] for window in windows], "µs each")
                for process in windows[0].last.cpu
            ),
        ]
    )


async def drain(bench: Bench, sink: SmtpSink, mails: int) -> Window:
    """Have a full queue of invitations sent by one mailer."""
    smtp = {"NOTIFICATION_SMTP_HOST": "127.0.0.1", "NOTIFICATION_SMTP_PORT": str(sink.port)}
    async with bench.system(**smtp, NOTIFICATION_SMTP_CONNECTIONS=str(CONNECTIONS)) as system:
        await fill(system, mails)
        before = await sink.mails()

        async def sent() -> int:
            return await sink.mails() - before

        await system.start("mailer")
        window = await watch(system.meter(), sent, first=int(mails * SKIPPED), last=int(mails * END), within=120)
        await system.settled(mails)
        return window


async def fill(system: System, mails: int) -> None:
    """Dispatch this many invitations; the dispatcher has ended when this returns."""

    async def dispatched() -> bool:
        return await system.waiting(to_send_queue(EMAIL)) == mails

    [dispatcher] = await system.start("dispatcher")
    await system.publish([invitation(number) for number in range(mails)])
    await wait_until(dispatched, within=120, what="every invitation is dispatched", step=0.1)
    await dispatcher.stop()


def invitation(number: int) -> Event:
    """Return the event that invites one more guest."""
    now = utc_now()
    return Event(
        tenant_id=f"org_{number % 20}",
        source="/wipe/backend",
        source_id=f"invitation-{number}",
        type="user.invited",
        time=now,
        time_text=rfc3339(now),
        subject=None,
        data=INVITATION % (number, number),
        traceparent=None,
    )
