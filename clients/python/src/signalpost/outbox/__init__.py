"""Committed means published: for producers that write events and business data to MongoDB in one transaction.

    async with client.start_session() as session, await session.start_transaction():
        await orders.insert_one(order, session=session)
        await outbox.add(event, session=session)

An `OutboxRelay` beside it publishes what was committed. Needs the extra `signalpost[mongodb]`.
"""

from signalpost.outbox.relay import OutboxRelay
from signalpost.outbox.rows import Outbox, OutboxRow, OutboxUnavailable

__all__ = ["Outbox", "OutboxRelay", "OutboxRow", "OutboxUnavailable"]
