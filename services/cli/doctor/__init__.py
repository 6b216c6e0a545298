"""`worker doctor`: finds faults of an installation, and explains an event, a webhook or an address."""
