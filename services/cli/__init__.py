"""The `worker` command line: starts each service, and helps people with topology, tokens, events and dead letters."""
