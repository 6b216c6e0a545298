"""Why things stand as they stand, in sentences for people: shared by the HTTP API and `worker doctor`.

Nothing is measured here: what was found comes as an argument.
"""
