"""Producers as they would be written: one small service for each origin, on nothing but the client `signalpost`."""
