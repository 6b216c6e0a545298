"""The HTTP API: subscriptions, events, the delivery log and dead letters, for tenants and their programs."""
