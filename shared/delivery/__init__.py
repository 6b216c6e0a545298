"""The pipeline that every channel's consumer runs: read a task, check it, send it, record and settle the outcome.

A channel provides only its `result.Sender`. What follows from an outcome, and the ack, are decided here.
Nothing is imported here, so that the decisions (`precheck`, `outcome`) load neither broker nor database.
"""
