"""`worker doctor`: what is wrong with an installation, and what became of an event, a webhook or an address."""
