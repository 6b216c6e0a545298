"""The same job as teams usually build it: a task from RabbitMQ, a row read, a signed POST, a row written, the ack.

Each program is written plainly and set up as its framework's documentation advises; what was followed stands beside
the setting. They do less than Signalpost does for a delivery: one signature, no check of the address really dialled,
no isolation of endpoints, no retries (nothing fails here), no check that a repeat is still wanted.
"""
