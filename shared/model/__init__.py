"""The domain: events, deliveries, subscriptions, and the rules for them.

Pure: no I/O, no clock, no event loop, and no library that uses a network. The rest of `shared` builds on this.
"""
