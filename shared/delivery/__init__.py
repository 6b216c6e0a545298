"""The pipeline that every channel's consumer runs: read a task, check it, send it, record and settle the outcome.

A channel brings only its `Sender`; what an outcome leads to, and the broker message, are decided here once.
"""

from shared.delivery.result import Busy, Delivered, Failed, Gone, Result, Sender, Skipped, Unable, Withdrawn
from shared.delivery.worker import DeliveryWorker

__all__ = [
    "Busy",
    "Delivered",
    "DeliveryWorker",
    "Failed",
    "Gone",
    "Result",
    "Sender",
    "Skipped",
    "Unable",
    "Withdrawn",
]
