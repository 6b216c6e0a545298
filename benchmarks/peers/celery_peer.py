"""Celery + requests + a row read and a row written for each delivery, as most Python teams begin.

`python -m benchmarks.peers.celery_peer URL COUNT` fills its queue; its workers are Celery's own:
`python -m celery -A benchmarks.peers.celery_peer worker --pool prefork`.
"""

import argparse
import functools
import json
import time
from typing import Any

import msgspec
import requests
from celery import Celery
from pymongo import MongoClient
from pymongo.database import Database

from benchmarks.peers.rows import AMQP_URL, DATABASE, MONGODB_URL, QUEUE, TIMEOUT, DeliveryTask, outcome, seed
from benchmarks.peers.rows import signed_headers as headers_of

SOCKETS = 128
"""More than a worker has tasks under way, so that no connection is closed for want of room."""

app = Celery("peer", broker=AMQP_URL)
app.conf.update(
    # "Using Quorum Queues": the durable kind; Celery then also asks for its prefetch by consumer, as they need it.
    task_default_queue=QUEUE,
    task_default_queue_type="quorum",
    broker_transport_options={"confirm_publish": True},
    # "Should I use retry or acks_late?": late, for a delivery must outlive the worker; also that of a killed child.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    # "Ignore results you don't want", "Optimizing": many short tasks want a large multiplier, such as 50 or 150.
    task_ignore_result=True,
    worker_prefetch_multiplier=64,
    worker_disable_rate_limits=True,
    worker_hijack_root_logger=False,
)


@functools.cache
def database() -> Database[dict[str, Any]]:
    """A client for each worker process, made after the fork (PyMongo's advice), with majority writes as ours."""
    client: MongoClient[dict[str, Any]] = MongoClient(MONGODB_URL, w="majority")
    return client[DATABASE]


@functools.cache
def session() -> requests.Session:
    """One session for each worker process, so that connections are kept alive (requests, "Session Objects")."""
    shared = requests.Session()
    shared.trust_env = False  # otherwise the environment is searched for proxies at every request
    shared.mount("http://", requests.adapters.HTTPAdapter(pool_connections=8, pool_maxsize=SOCKETS))
    return shared


@app.task(name="deliver")
def deliver(**fields: str) -> None:
    """Make one delivery and record it; Celery acks when this has returned."""
    task = DeliveryTask(**fields)
    rows = database()
    subscription = rows.subscriptions.find_one({"_id": task.subscription_id})
    if subscription is None or not subscription["enabled"]:
        return
    began = time.monotonic()
    headers = headers_of(task, subscription["secret"])
    answer = session().post(subscription["url"], data=task.body.encode(), headers=headers, timeout=TIMEOUT)
    rows.deliveries.update_one({"_id": task.delivery_id}, outcome(answer.status_code, began))


def main() -> None:
    """Fill the queue."""
    parser = argparse.ArgumentParser()
    parser.add_argument("receiver")
    parser.add_argument("count", type=int)
    arguments = parser.parse_args()
    with app.connection_for_write() as connection:
        producer = app.amqp.Producer(connection)
        for task in seed(arguments.receiver, arguments.count):
            deliver.apply_async(kwargs=msgspec.structs.asdict(task), producer=producer)
    print(json.dumps({"published": arguments.count}))


if __name__ == "__main__":
    main()
