"""`worker dlq`: list, show, replay and discard dead letters. Reads options, prints results."""

from collections import Counter
from contextlib import aclosing
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

import msgspec
import typer

from services.cli.context import OperatorContext
from services.cli.dlq.letter import UNKNOWN, Letter, Wanted
from services.cli.dlq.queues import letters
from services.cli.dlq.replay import REPORT_EVERY, Replayer, Tally
from services.cli.dlq.text import HEADING, discarded, outcome, row, whole
from services.cli.terminal import fail, run, settings_or_exit, tell
from shared.model.delivery import Replay
from shared.model.reasons import DeadReason
from shared.model.retry import parse_duration
from shared.model.topology import DEAD_LETTER_KEYS, EMAIL, EVENT, WEBHOOK
from shared.process.clock import utc_now
from shared.process.settings import CoreSettings


class QueueName(StrEnum):
    """The dead-letter queues, by the last part of their names."""

    WEBHOOK = WEBHOOK
    EMAIL = EMAIL
    EVENT = EVENT


def _reason(text: str) -> str:
    if text not in {*DeadReason, UNKNOWN}:
        raise typer.BadParameter(f"expected one of {', '.join(DeadReason)}, {UNKNOWN}")
    return text


def _age(text: str) -> timedelta:
    try:
        return timedelta(seconds=parse_duration(text))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


OneQueue = Annotated[QueueName | None, typer.Option("--queue", help="Only letters of this queue.")]
Reason = Annotated[
    str | None,
    typer.Option(parser=_reason, metavar="REASON", help="Only letters with this reason, such as http_4xx."),
]
Webhook = Annotated[str | None, typer.Option(metavar="ID", help="Only letters of this webhook or mail subscription.")]
Id = Annotated[
    str | None, typer.Option("--id", metavar="ID", help="Only letters of this delivery, event or message.")
]
Older = Annotated[
    timedelta | None, typer.Option(parser=_age, metavar="AGE", help="Only letters older than this, such as 2h.")
]
Newer = Annotated[timedelta | None, typer.Option(parser=_age, metavar="AGE", help="Only letters newer than this.")]
Limit = Annotated[int | None, typer.Option(min=1, help="The maximum number of letters.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Change nothing; print what would happen.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs: one JSON object on each line.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    dlq = typer.Typer(
        help="Dead letters: what was given up, in notifications.dlq.{webhook,email,event}.", no_args_is_help=True
    )
    dlq.command(name="list")(list_)
    dlq.command()(show)
    dlq.command()(replay)
    dlq.command()(discard)
    app.add_typer(dlq, name="dlq")


def list_(
    queue: OneQueue = None,
    reason: Reason = None,
    webhook: Webhook = None,
    id_: Id = None,
    older_than: Older = None,
    newer_than: Newer = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List dead letters, the oldest of each queue first. The queues stay as they are."""
    url = settings_or_exit(CoreSettings).amqp_url.get_secret_value()
    wanted = _wanted(queue, reason, webhook, id_, older_than, newer_than)

    async def look() -> int:
        count = 0
        async with aclosing(letters(url, wanted, limit=limit)) as chunks:
            async for chunk in chunks:
                for item in chunk.found:
                    if not (as_json or count):
                        print(HEADING)
                    print(_json(item.letter) if as_json else row(item.letter, utc_now()))
                    count += 1
        return count

    count = run(look())
    tell(f"{count} letters" + (" (there may be more: raise --limit)" if count == limit else ""))


def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="The delivery's, event's or message's id.")],
    as_json: AsJson = False,
) -> None:
    """Show one dead letter: headers, body, and the record of its delivery."""
    settings = settings_or_exit(CoreSettings)

    async def look() -> None:
        async with (
            aclosing(OperatorContext.from_settings(settings)) as context,
            aclosing(letters(context.amqp_url, Wanted(queues=DEAD_LETTER_KEYS, id=id_), limit=1)) as chunks,
        ):
            async for chunk in chunks:
                [item] = chunk.found
                logged = await context.deliveries.get(item.letter.tenant_id, item.letter.delivery_id)
                for line in whole(item, logged, as_json=as_json):
                    print(line)
                return
        fail(f"there is no dead letter with the id {id_}; `worker doctor --event {id_}` looks further")

    run(look())


def replay(
    cause: Annotated[str, typer.Option(help="What was wrong and is fixed now; recorded with each delivery.")],
    queue: OneQueue = None,
    reason: Reason = None,
    webhook: Webhook = None,
    id_: Id = None,
    older_than: Older = None,
    newer_than: Newer = None,
    limit: Limit = None,
    force: Annotated[bool, typer.Option("--force", help="Even if the target has failed again since.")] = False,
    dry_run: DryRun = False,
    by: Annotated[
        str, typer.Option(envvar="USER", help="Who asks for it; recorded with each delivery.")
    ] = "operator",
) -> None:
    """Send dead letters again; a refused one stays in its queue, and the exit code is then 1.

    You may interrupt it at any moment and start it again: nothing is lost, and nothing is sent twice.
    """
    settings = settings_or_exit(CoreSettings)
    wanted = _wanted(queue, reason, webhook, id_, older_than, newer_than)
    note = Replay(at=utc_now(), by=by, cause=cause)

    async def work() -> Tally:
        async with aclosing(OperatorContext.from_settings(settings)) as context:
            replayer = Replayer(context, wanted, note, limit=limit, force=force, dry_run=dry_run, tell=tell)
            return await replayer.run()

    tally = run(work())
    for line in outcome(tally, dry_run=dry_run):
        print(line)
    if tally.refused.total():
        raise typer.Exit(1)


def discard(
    queue: OneQueue = None,
    reason: Reason = None,
    webhook: Webhook = None,
    id_: Id = None,
    older_than: Older = None,
    newer_than: Newer = None,
    limit: Limit = None,
    yes: Annotated[bool, typer.Option("--yes", help="Really delete them.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Delete dead letters permanently.

    Deliveries stay dead in the delivery log, and can be replayed from there; events exist nowhere else.
    """
    if yes == dry_run:
        fail("use --dry-run to see what would be discarded, or --yes to discard it")
    url = settings_or_exit(CoreSettings).amqp_url.get_secret_value()
    wanted = _wanted(queue, reason, webhook, id_, older_than, newer_than)

    async def work() -> Counter[tuple[str, str]]:
        counts: Counter[tuple[str, str]] = Counter()
        async with aclosing(letters(url, wanted, limit=limit)) as chunks:
            async for chunk in chunks:
                for item in chunk.found:
                    if not dry_run:
                        await chunk.browser.remove(item.message)
                    counts[chunk.queue, item.letter.reason] += 1
                    if counts.total() % REPORT_EVERY == 0:
                        tell(f"{counts.total()} letters")
        return counts

    for line in discarded(run(work()), dry_run=dry_run):
        print(line)


def _wanted(
    queue: QueueName | None,
    reason: str | None,
    webhook: str | None,
    id_: str | None,
    older_than: timedelta | None,
    newer_than: timedelta | None,
) -> Wanted:
    return Wanted(
        queues=DEAD_LETTER_KEYS if queue is None else (queue.value,),
        reason=reason,
        webhook=webhook,
        id=id_,
        older_than=older_than,
        newer_than=newer_than,
    )


def _json(letter: Letter) -> str:
    return msgspec.json.encode(letter.as_json()).decode()
