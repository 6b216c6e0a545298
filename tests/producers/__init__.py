"""Producers: the publisher, the outbox, the examples and the snippets of `docs/producers.md`, on real servers."""
