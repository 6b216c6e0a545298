"""The pipeline that every channel's consumer runs: read a task, check it, send it, record and settle the outcome.

A channel brings only its `result.Sender`; what an outcome leads to, and the broker message, are decided here once.
Nothing is imported here, so that the decisions (`precheck`, `outcome`) load neither broker nor database.
"""
