"""The outbound policy's decisions: URLs by their text, addresses by their blocks."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.outbound.addresses import is_public
from shared.outbound.policy import MAX_URL_LENGTH, AddressRefused, OutboundPolicy, UrlRefusal, UrlRefused

NASTY_URLS = [
    line
    for line in (Path(__file__).parents[3] / "vectors" / "ssrf_urls.txt").read_text(encoding="utf-8").split("\n")
    if line and not line.startswith("#")
]
DEVELOPMENT = OutboundPolicy(environment_is_production=False)
PRODUCTION = OutboundPolicy(environment_is_production=True)


def refusal(url: str, policy: OutboundPolicy = DEVELOPMENT) -> UrlRefused:
    with pytest.raises(UrlRefused) as refused:
        policy.check_url(url)
    return refused.value


@pytest.mark.parametrize("url", NASTY_URLS)
def test_every_nasty_url_is_refused_by_its_text_alone(url: str) -> None:
    assert refusal(url).reason.endswith(".")
    refusal(url.replace("http:", "https:", 1), PRODUCTION)


@pytest.mark.parametrize("url", NASTY_URLS)
def test_opening_every_address_still_permits_no_odd_spelling(url: str) -> None:
    """With all networks allowed, only lines that are plain URLs of refused addresses may pass."""
    networks = (ip_network("0.0.0.0/0"), ip_network("::/0"))
    policy = OutboundPolicy(environment_is_production=False, allowed_networks=networks)
    try:
        accepted = policy.check_url(url)
    except UrlRefused:
        return
    written = url.removeprefix("http://").split("/")[0].strip("[]")
    assert ip_address(written) == ip_address(accepted.raw_host or "")


@pytest.mark.parametrize("url", ["http://93.184.215.14/", "https://hooks.example.com/wipe"])
def test_the_control_urls_are_accepted(url: str) -> None:
    assert str(DEVELOPMENT.check_url(url)) == url


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com",
        "https://hooks.example.com:8443/a/b?c=d&e=%20f",
        "https://hooks.example.com:443/",
        "HTTPS://Hooks.Example.COM/",
        "https://xn--bcher-kva.example/",
        "https://a_b.example.com/",
        "https://93.184.215.14/",
        "https://[2606:4700::1111]:8443/",
        "https://[2606:4700:0:0:0:0:0:1111]/",
        "https://hooks.example.com/@user",
        "https://hooks.example.com?next=http://127.0.0.1",
    ],
)
def test_ordinary_urls_are_accepted_in_production(url: str) -> None:
    assert PRODUCTION.check_url(url).scheme == "https"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", UrlRefusal.SCHEME),
        ("hooks.example.com", UrlRefusal.SCHEME),
        ("ftp://hooks.example.com/", UrlRefusal.SCHEME),
        ("https:hooks.example.com/", UrlRefusal.MALFORMED),
        ("https:///hooks.example.com/", UrlRefusal.MALFORMED),
        ("https://hooks.example.com/a b", UrlRefusal.MALFORMED),
        ("https://hooks.example.com/a\nb", UrlRefusal.MALFORMED),
        ("\thttps://hooks.example.com/", UrlRefusal.MALFORMED),
        ("https://hooks.example.com/\u00a0", UrlRefusal.MALFORMED),
        ("https://hooks.example.com\\evil/", UrlRefusal.MALFORMED),
        ("https://hooks.exam\u00adple.com/", UrlRefusal.MALFORMED),
        ("https://" + "a" * MAX_URL_LENGTH, UrlRefusal.MALFORMED),
        ("https://user:secret@hooks.example.com/", UrlRefusal.CREDENTIALS),
        ("https://user@hooks.example.com/", UrlRefusal.CREDENTIALS),
        ("https://@hooks.example.com/", UrlRefusal.CREDENTIALS),
        ("https://:@hooks.example.com/", UrlRefusal.CREDENTIALS),
        ("https://hooks.example.com:0/", UrlRefusal.PORT),
        ("https://hooks.example.com:/", UrlRefusal.PORT),
        ("https://hooks.example.com:+443/", UrlRefusal.PORT),
        ("https://hooks.example.com:0443/", UrlRefusal.PORT),
        ("https://hooks.example.com:４４３/", UrlRefusal.PORT),
        ("https://[2606:4700::1111]:/", UrlRefusal.PORT),
        ("https://hooks.example.com:65536/", UrlRefusal.MALFORMED),
        ("https://hooks..example.com/", UrlRefusal.HOST_SPELLING),
        ("https://hooks.example.com./", UrlRefusal.HOST_SPELLING),
        ("https://-hooks.example.com/", UrlRefusal.HOST_SPELLING),
        ("https://" + "a" * 64 + ".example.com/", UrlRefusal.HOST_SPELLING),
        ("https://" + "a." * 127 + "com/", UrlRefusal.HOST_SPELLING),
        ("https://hooks%2eexample.com/", UrlRefusal.HOST_SPELLING),
        ("https://ｈooks.example.com/", UrlRefusal.HOST_SPELLING),
        ("https://93.184.215.014/", UrlRefusal.HOST_SPELLING),
        ("https://93.184.55054/", UrlRefusal.HOST_SPELLING),
        ("https://0x5db8d70e/", UrlRefusal.HOST_SPELLING),
        ("https://1572394766/", UrlRefusal.HOST_SPELLING),
        ("https://９３.184.215.14/", UrlRefusal.HOST_SPELLING),
        ("https://example.256/", UrlRefusal.HOST_SPELLING),
        ("https://[2606:4700::1111%25eth0]/", UrlRefusal.HOST_SPELLING),
        ("https://[v1.example]/", UrlRefusal.HOST_SPELLING),
        ("https://localhost/", UrlRefusal.LOCALHOST),
        ("https://api.localhost:8443/", UrlRefusal.LOCALHOST),
        ("https://localhost.localdomain/", UrlRefusal.LOCALHOST),
        ("https://ip6-loopback/", UrlRefusal.LOCALHOST),
        ("https://rabbitmq/", UrlRefusal.INTERNAL_NAME),
        ("https://192.168.0.1/", UrlRefusal.PRIVATE_ADDRESS),
        ("https://[fd00:ec2::254]/", UrlRefusal.PRIVATE_ADDRESS),
    ],
)
def test_each_refusal_has_its_code(url: str, code: UrlRefusal) -> None:
    assert refusal(url, PRODUCTION).code is code


def test_http_is_for_development_only() -> None:
    assert DEVELOPMENT.check_url("http://hooks.example.com/").scheme == "http"
    assert refusal("http://hooks.example.com/", PRODUCTION).reason == "The URL must begin with https://."


def test_an_international_name_is_refused_with_the_spelling_to_use() -> None:
    assert "xn--bcher-kva.example" in refusal("https://bücher.example/").reason


def test_a_reason_never_repeats_a_password() -> None:
    for url in ("https://user:hunter2@hooks.example.com/", "https://user:hunter2@[::1/", "ftp://user:hunter2@x/"):
        assert "hunter2" not in str(refusal(url))


@given(st.text(max_size=40))
@example("[@")
@example("//")
@example("a@[")
@example("\ud800.com")
def test_no_text_after_the_scheme_makes_it_crash(text: str) -> None:
    try:
        accepted = DEVELOPMENT.check_url(f"http://{text}")
    except UrlRefused:
        return
    assert accepted.raw_user is None
    assert accepted.raw_password is None
    assert accepted.raw_host is not None
    assert accepted.raw_host.isascii()


AUTHORITY = st.text(alphabet="0123456789abcdefxABX.:[]@%-_。１ \\/#?", max_size=24)


@given(AUTHORITY)
def test_what_is_accepted_is_dialled_as_it_was_written(authority: str) -> None:
    try:
        accepted = DEVELOPMENT.check_url(f"http://{authority}/")
    except UrlRefused:
        return
    host = accepted.raw_host or ""
    if ":" in host:
        assert is_public(IPv6Address(host))
    elif host.replace(".", "").isdigit():
        assert is_public(IPv4Address(host))
    else:
        assert authority.lower().startswith(host)


@pytest.mark.parametrize(
    "block",
    [
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32"),
        *("::/128", "::1/128", "::ffff:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23"),
        *("2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
    ],
)
def test_special_blocks_are_refused_from_end_to_end(block: str) -> None:
    for address in (ip_network(block)[0], ip_network(block)[-1]):
        with pytest.raises(AddressRefused):
            DEVELOPMENT.check_address(str(address))


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0"),
        *("169.253.255.255", "172.15.255.255", "172.32.0.0", "192.0.1.0", "198.20.0.0", "223.255.255.255"),
        *("2001:200::", "2001:db7:ffff::", "2001:db9::", "2003::", "2606:4700::1111", "3ffe:ffff::", "3fff:1000::"),
    ],
)
def test_the_neighbours_of_special_blocks_are_public(address: str) -> None:
    DEVELOPMENT.check_address(address)


@given(st.one_of(st.ip_addresses(), st.integers(0, 2**125 - 1).map(lambda low: IPv6Address(2**125 + low))))
def test_nothing_is_public_that_the_standard_library_calls_special(address: IPv4Address | IPv6Address) -> None:
    if is_public(address):
        assert address.is_global
        assert not address.is_multicast
        assert not address.is_reserved


@pytest.mark.parametrize("address", ["", "hooks.example.com", "0x7f.1", "1.1.1", "fe80::1%eth0", "2606:4700::1%eth0"])
def test_what_is_no_plain_address_is_never_dialled(address: str) -> None:
    everything = OutboundPolicy(environment_is_production=False, allowed_networks=(ip_network("::/0"),))
    with pytest.raises(AddressRefused):
        everything.check_address(address)


def test_a_refused_address_is_not_in_the_error() -> None:
    with pytest.raises(AddressRefused, match=r"^\[Errno 13\] the outbound policy forbids this address$"):
        DEVELOPMENT.check_address("10.11.12.13")


def test_an_allowed_network_permits_its_addresses_and_nothing_else() -> None:
    policy = OutboundPolicy(environment_is_production=False, allowed_networks=(ip_network("10.1.0.0/16"),))
    policy.check_address("10.1.2.3")
    assert policy.check_url("http://10.1.2.3:8080/").port == 8080
    assert refusal("http://10.2.0.1/", policy).code is UrlRefusal.PRIVATE_ADDRESS
    assert refusal("http://[::ffff:10.1.2.3]/", policy).code is UrlRefusal.PRIVATE_ADDRESS
    assert refusal("http://user@10.1.2.3/", policy).code is UrlRefusal.CREDENTIALS
    assert refusal("ftp://10.1.2.3/", policy).code is UrlRefusal.SCHEME


@pytest.mark.parametrize("host", ["receiver", "localhost", "127.0.0.1", "[::1]", "hooks.internal"])
def test_an_allowed_host_may_be_internal_but_not_have_credentials_or_another_scheme(host: str) -> None:
    policy = OutboundPolicy(environment_is_production=True, allowed_hosts=frozenset({host.upper()}))
    assert policy.check_url(f"https://{host}:8443/").port == 8443
    assert refusal(f"http://{host}/", policy).code is UrlRefusal.SCHEME
    assert refusal(f"https://user@{host}/", policy).code is UrlRefusal.CREDENTIALS
    assert refusal(f"https://{host}:0/", policy).code is UrlRefusal.PORT


def test_an_allowed_host_permits_neither_its_subdomains_nor_its_parents() -> None:
    policy = OutboundPolicy(environment_is_production=True, allowed_hosts=frozenset({"hooks.internal"}))
    assert not policy.allows_host("a.hooks.internal")
    assert not policy.allows_host("internal")


@pytest.mark.parametrize("entry", ["hooks.internal:8080", "http://hooks.internal", "*.internal", "", "10.0.0.0/8"])
def test_an_allowed_host_that_could_never_match_is_an_error(entry: str) -> None:
    with pytest.raises(ValueError, match="is not a host"):
        OutboundPolicy(environment_is_production=True, allowed_hosts=frozenset({entry}))
