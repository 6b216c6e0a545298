"""What everything here is about: events, deliveries, subscriptions, and the rules for them.

Pure: no I/O, no clock, no event loop, and no library that talks to anything. The rest of `shared` builds on this.
"""
