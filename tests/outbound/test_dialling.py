"""Which addresses are dialled: the policy holds at the socket, whatever the URL and the name server say."""

import asyncio
import socket
import threading
from ipaddress import ip_network

import aiohttp
import pytest

from shared.outbound.answer import ErrorClass
from shared.outbound.policy import AddressRefused, OutboundPolicy
from shared.outbound.resolver import LOOKUPS_AT_ONCE, LookupsExhausted, SystemResolver
from shared.outbound.session import guarded_socket_factory

from .receivers import (
    LOOPBACK,
    STRICT,
    ScriptedResolver,
    answer,
    answering,
    failure_of,
    listening,
    running,
    session,
    status_of,
)


@pytest.mark.parametrize(("host", "in_url"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
async def test_a_literal_loopback_address_is_not_dialled(host: str, in_url: str) -> None:
    with listening(host) as listener:
        async with session(STRICT) as opened:
            failure = await failure_of(opened, f"http://{in_url}:{listener.port}/")
        assert failure.error_class is ErrorClass.REFUSED_BY_POLICY
        assert not listener.was_dialled()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_name_that_resolves_to_a_refused_address_is_not_dialled(host: str) -> None:
    with listening(host) as listener:
        async with session(STRICT, ScriptedResolver({"hooks.example": [[host]]})) as opened:
            failure = await failure_of(opened, f"http://hooks.example:{listener.port}/")
        assert failure.error_class is ErrorClass.REFUSED_BY_POLICY
        assert not listener.was_dialled()


async def test_the_system_resolver_is_guarded_too() -> None:
    with listening("127.0.0.1", "::1") as listener:
        async with session(STRICT) as opened:
            failure = await failure_of(opened, f"http://localhost:{listener.port}/")
        assert failure.error_class is ErrorClass.REFUSED_BY_POLICY
        assert not listener.was_dialled()


@pytest.mark.parametrize("addresses", [["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "127.0.0.1"]])
async def test_one_refused_address_refuses_the_whole_name(addresses: list[str]) -> None:
    policy = OutboundPolicy(environment_is_production=False, allowed_networks=(ip_network("127.0.0.1/32"),))
    with listening(*addresses) as listener:
        async with session(policy, ScriptedResolver({"hooks.example": [addresses]})) as opened:
            failure = await failure_of(opened, f"http://hooks.example:{listener.port}/")
        assert failure.error_class is ErrorClass.REFUSED_BY_POLICY
        assert not listener.was_dialled()


async def test_a_refusal_does_not_tell_what_the_name_resolves_to() -> None:
    async with session(STRICT, ScriptedResolver({"hooks.example": [["10.11.12.13"]]})) as opened:
        failure = await failure_of(opened, "http://hooks.example/")
    assert failure.detail == ErrorClass.REFUSED_BY_POLICY.sentence


async def test_a_name_rebound_to_a_refused_address_is_not_dialled_again() -> None:
    """The first answer of the name server is fine, and so is the connection; then the name moves."""
    resolver = ScriptedResolver({"hooks.example": [["127.0.0.1"], ["::1"]]})
    async with (
        running(answering(answer("200 OK", "Connection: close"))) as receiver,
        session(LOOPBACK, resolver) as opened,
    ):
        url = f"http://hooks.example:{receiver.port}/"
        assert await status_of(opened, url) == 200

        assert isinstance(opened.connector, aiohttp.TCPConnector)
        opened.connector.clear_dns_cache()  # as if its ten seconds had passed
        failure = await failure_of(opened, url)

    assert failure.error_class is ErrorClass.REFUSED_BY_POLICY
    assert receiver.connections == 1


async def test_every_address_of_a_race_is_checked_even_behind_an_unguarded_resolver() -> None:
    with listening("127.0.0.1", "::1") as listener:
        connector = aiohttp.TCPConnector(
            resolver=ScriptedResolver({"hooks.example": [["127.0.0.1", "::1"]]}),
            socket_factory=guarded_socket_factory(STRICT),
            happy_eyeballs_delay=0.001,
        )
        async with aiohttp.ClientSession(connector=connector) as opened:
            failure = await failure_of(opened, f"http://hooks.example:{listener.port}/")
        assert failure.error_class is ErrorClass.REFUSED_BY_POLICY
        assert not listener.was_dialled()


async def test_an_allowed_network_is_dialled_by_address_and_by_name() -> None:
    async with (
        running(answering(answer())) as receiver,
        session(LOOPBACK, ScriptedResolver({"hooks.example": [["127.0.0.1"]]})) as opened,
    ):
        assert await status_of(opened, f"http://127.0.0.1:{receiver.port}/") == 200
        assert await status_of(opened, f"http://hooks.example:{receiver.port}/") == 200


async def test_an_allowed_network_allows_no_other() -> None:
    with listening("::1") as listener:
        async with session(LOOPBACK) as opened:
            failure = await failure_of(opened, f"http://[::1]:{listener.port}/")
        assert failure.error_class is ErrorClass.REFUSED_BY_POLICY
        assert not listener.was_dialled()


async def test_an_allowed_host_is_dialled_and_its_address_stays_refused_under_every_other_name() -> None:
    policy = OutboundPolicy(environment_is_production=False, allowed_hosts=frozenset({"Hooks.Internal."}))
    resolver = ScriptedResolver({"hooks.internal": [["127.0.0.1"]], "other.example": [["127.0.0.1"]]})
    async with running(answering(answer())) as receiver, session(policy, resolver) as opened:
        assert await status_of(opened, f"http://hooks.internal:{receiver.port}/") == 200
        for other in ("other.example", "127.0.0.1"):
            failure = await failure_of(opened, f"http://{other}:{receiver.port}/")
            assert failure.error_class is ErrorClass.REFUSED_BY_POLICY
    assert receiver.connections == 1


async def test_what_one_request_may_dial_does_not_extend_to_those_under_way_with_it() -> None:
    policy = OutboundPolicy(environment_is_production=False, allowed_hosts=frozenset({"hooks.internal"}))
    resolver = ScriptedResolver({"hooks.internal": [["127.0.0.1"]]})
    async with running(answering(answer())) as receiver, session(policy, resolver) as opened:
        statuses, failures = await asyncio.gather(
            asyncio.gather(*(status_of(opened, f"http://hooks.internal:{receiver.port}/") for _ in range(20))),
            asyncio.gather(*(failure_of(opened, f"http://127.0.0.1:{receiver.port}/") for _ in range(20))),
        )
    assert set(statuses) == {200}
    assert {failure.error_class for failure in failures} == {ErrorClass.REFUSED_BY_POLICY}


async def test_after_a_request_its_task_may_dial_no_more_than_before() -> None:
    policy = OutboundPolicy(environment_is_production=False, allowed_hosts=frozenset({"hooks.internal"}))
    resolver = ScriptedResolver({"hooks.internal": [["127.0.0.1"]]})
    async with running(answering(answer())) as receiver, session(policy, resolver) as opened:
        assert await status_of(opened, f"http://hooks.internal:{receiver.port}/") == 200
        with pytest.raises(AddressRefused):
            guarded_socket_factory(policy)((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", receiver.port)))


async def test_an_allowed_host_may_be_an_address() -> None:
    policy = OutboundPolicy(environment_is_production=False, allowed_hosts=frozenset({"127.0.0.1"}))
    async with running(answering(answer())) as receiver, session(policy) as opened:
        assert await status_of(opened, f"http://127.0.0.1:{receiver.port}/") == 200


async def test_a_connection_is_used_again_for_the_same_host_only() -> None:
    resolver = ScriptedResolver({"one.example": [["127.0.0.1"]], "two.example": [["127.0.0.1"]]})
    async with running(answering(answer())) as receiver, session(LOOPBACK, resolver) as opened:
        for host in ("one.example", "one.example", "two.example"):
            assert await status_of(opened, f"http://{host}:{receiver.port}/") == 200
    assert receiver.connections == 2
    assert len(receiver.requests) == 3


async def test_proxies_and_netrc_of_the_environment_are_ignored(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
    with listening("127.0.0.1") as proxy:
        for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
        for variable in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setenv("NETRC", str(netrc))
        async with running(answering(answer())) as receiver, session(LOOPBACK) as opened:
            assert await status_of(opened, f"http://127.0.0.1:{receiver.port}/") == 200
        assert not proxy.was_dialled()
    assert b"authorization" not in receiver.requests[0].lower()


async def test_dead_name_servers_of_others_are_not_charged_to_a_receiver(monkeypatch: pytest.MonkeyPatch) -> None:
    answered, look_up = threading.Event(), socket.getaddrinfo

    def with_dead_servers(host: str, *args: object, **kwargs: object) -> object:
        if host.startswith("dead-"):
            answered.wait()
        return look_up("127.0.0.1", *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", with_dead_servers)
    async with running(answering(answer())) as receiver, session(LOOPBACK, SystemResolver()) as opened:
        try:
            dead = [
                asyncio.create_task(failure_of(opened, f"http://dead-{number}.example/", total_timeout=0.1))
                for number in range(LOOKUPS_AT_ONCE)
            ]
            assert {(await task).error_class for task in dead} == {ErrorClass.TIMEOUT}
            with pytest.raises(LookupsExhausted):
                await status_of(opened, f"http://alive.example:{receiver.port}/")
        finally:
            answered.set()
        assert await status_of(opened, f"http://alive.example:{receiver.port}/") == 200
