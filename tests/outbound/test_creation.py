"""The check when a webhook is created: the URL's text, and what its host resolves to at that moment."""

import pytest

from shared.outbound.answer import ErrorClass
from shared.outbound.policy import OutboundPolicy, UrlRefusal, UrlRefused
from shared.outbound.resolver import SystemResolver, resolve_and_check

from .receivers import LOOPBACK, STRICT, ScriptedResolver, failure_of, listening, session


@pytest.mark.parametrize("addresses", [["10.0.0.1"], ["93.184.215.14", "::1"], ["169.254.169.254"], ["fe80::1%eth0"]])
async def test_a_name_that_resolves_to_a_refused_address_is_refused(addresses: list[str]) -> None:
    with pytest.raises(UrlRefused) as refusal:
        await resolve_and_check(
            STRICT, "http://hooks.example/", resolver=ScriptedResolver({"hooks.example": [addresses]})
        )
    assert refusal.value.code is UrlRefusal.PRIVATE_ADDRESS
    assert not any(address in refusal.value.reason for address in addresses)


async def test_a_name_that_resolves_to_public_addresses_is_accepted() -> None:
    resolver = ScriptedResolver({"hooks.example": [["93.184.215.14", "2606:4700::1111"]]})
    assert (await resolve_and_check(STRICT, "http://hooks.example/x", resolver=resolver)).path == "/x"


async def test_a_name_that_does_not_resolve_yet_is_accepted() -> None:
    await resolve_and_check(STRICT, "http://later.example/", resolver=ScriptedResolver({}))


async def test_the_text_is_checked_before_anything_is_resolved() -> None:
    with pytest.raises(UrlRefused) as refusal:
        await resolve_and_check(STRICT, "ftp://hooks.example/", resolver=ScriptedResolver({}))
    assert refusal.value.code is UrlRefusal.SCHEME


async def test_the_system_resolver_asks_the_operating_system() -> None:
    resolver = SystemResolver()
    allowed = OutboundPolicy(environment_is_production=False, allowed_hosts=frozenset({"localhost"}))
    await resolve_and_check(allowed, "http://localhost/", resolver=resolver)
    assert {"127.0.0.1", "::1"} >= {found["host"] for found in await resolver.resolve("localhost")}
    with pytest.raises(OSError, match=r".+"):
        await resolver.resolve("does-not-exist.invalid")
    await resolver.close()


async def test_a_name_rebound_after_creation_is_refused_when_dialled() -> None:
    resolver = ScriptedResolver({"hooks.example": [["93.184.215.14"], ["::1"]]})
    with listening("::1") as listener:
        url = await resolve_and_check(LOOPBACK, f"http://hooks.example:{listener.port}/", resolver=resolver)
        async with session(LOOPBACK, resolver) as opened:
            failure = await failure_of(opened, str(url))
        assert failure.error_class is ErrorClass.REFUSED_BY_POLICY
        assert not listener.was_dialled()
