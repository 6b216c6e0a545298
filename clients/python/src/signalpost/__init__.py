"""What a product installs to work with Signalpost: publish events, keep them in an outbox, verify webhooks.

`signalpost.events` defines the types of events, `signalpost.producer` publishes them, `signalpost.outbox` publishes
what a database transaction committed, `signalpost.receiver` verifies what Signalpost posts. Importing this package
imports none of them.
"""
