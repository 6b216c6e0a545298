"""`worker dlq`: list, show, replay and discard what lies in the dead-letter queues."""
