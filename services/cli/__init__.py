"""The `worker` command line: starts services, and manages topology, tokens, events and dead letters."""
