"""The private MongoDB under everything a fault test does to it."""

from typing import Any

import psutil
from pymongo import MongoClient

from deploy.local.mongodb import MongoDB


def insert(mongodb: MongoDB, text: str) -> None:
    with MongoClient[dict[str, Any]](mongodb.url) as client:
        client["test"]["kept"].insert_one({"text": text})


def texts(mongodb: MongoDB) -> list[str]:
    with MongoClient[dict[str, Any]](mongodb.url) as client:
        return [document["text"] for document in client["test"]["kept"].find()]


def test_it_listens_on_loopback_only(mongodb: MongoDB) -> None:
    listening = [c.laddr.ip for c in psutil.Process(mongodb.pid).net_connections("tcp") if c.status == "LISTEN"]
    assert listening == ["127.0.0.1"]


def test_it_is_a_replica_set_that_holds_transactions(mongodb: MongoDB) -> None:
    with MongoClient[dict[str, Any]](mongodb.url) as client, client.start_session() as session:
        with session.start_transaction():
            client["test"]["transactions"].insert_one({"n": 1}, session=session)
        assert client["test"]["transactions"].count_documents({}) == 1


async def test_a_paused_server_answers_nobody_until_it_is_resumed(mongodb: MongoDB) -> None:
    await mongodb.pause()
    assert mongodb.running
    assert not await mongodb.ready()
    await mongodb.resume()
    assert await mongodb.ready()


async def test_documents_outlive_a_kill_on_the_same_port_and_wiping_empties_it(
    mongodb: MongoDB,
) -> None:
    insert(mongodb, "outlives a crash")
    url = mongodb.url
    await mongodb.kill()
    await mongodb.start()
    assert mongodb.url == url
    assert texts(mongodb) == ["outlives a crash"]

    await mongodb.wipe()
    assert mongodb.url == url
    assert texts(mongodb) == []
