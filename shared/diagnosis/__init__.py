"""Explains states and faults in sentences for people, for the HTTP API and `worker doctor`.

It measures nothing: the measurements are arguments.
"""
