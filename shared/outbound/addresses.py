"""Which IP addresses are part of the public internet, and which we never dial for a customer.

Sources: the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and its updates). Everything they list is
refused, even if they call it globally reachable: no receiver lives there. Deliberately not
`ipaddress.is_global`: Python 3.11 calls 64:ff9b::/96, 2002::/16, ::a.b.c.d and multicast global. Pure: no I/O.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

REFUSED_IPV4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; one cloud's metadata service is 100.100.100.200
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's metadata and control service, on an address that looks public
        "169.254.0.0/16",  # link-local; most clouds' metadata service
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocol assignments; one cloud's metadata service is 192.0.0.192
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # automatic multicast tunnelling
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)

GLOBAL_UNICAST_IPV6 = IPv6Network("2000::/3")
"""All that IANA has assigned. Outside are loopback, mapped, compatible, NAT64, unique-local, link-local, …"""

REFUSED_IPV6 = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # IETF protocol assignments: Teredo, benchmarks, ORCHID, …
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: embeds any IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)


def is_public(address: Address) -> bool:
    """Say whether this address may be dialled without the operator's special permission.

    An IPv6 address that carries an IPv4 one (mapped, compatible, NAT64, 6to4, Teredo) is never public.
    """
    if isinstance(address, IPv4Address):
        return not any(address in network for network in REFUSED_IPV4)
    return address in GLOBAL_UNICAST_IPV6 and not any(address in network for network in REFUSED_IPV6)
