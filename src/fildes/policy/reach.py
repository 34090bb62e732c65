"""How far an IP address reaches, by the IANA special-purpose address registries.

The table is explicit instead of `ipaddress.is_global`, whose answers changed
between Python versions (CPython issue 113171). Sources, as of 2025-10:
https://www.iana.org/assignments/iana-ipv4-special-registry and
https://www.iana.org/assignments/iana-ipv6-special-registry (RFC 6890), and the
multicast and IPv6 address space registries.

An IPv6 address may carry an IPv4 address that a translator or the kernel will
connect to in its stead. It then reaches no further than the address inside.
"""

from __future__ import annotations

import enum
import functools
from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_network,
)

from fildes.errors import AddressError

IP = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Reach(enum.StrEnum):
    """Who can be behind an IP address."""

    GLOBAL = "global"
    LOOPBACK = "loopback"
    PRIVATE = "private"
    SHARED = "shared"  #: behind a carrier's translator, RFC 6598
    LINK_LOCAL = "link-local"
    MULTICAST = "multicast"
    BROADCAST = "broadcast"
    UNSPECIFIED = "unspecified"
    DOCUMENTATION = "documentation"
    BENCHMARKING = "benchmarking"
    RESERVED = "reserved"


#: Networks and their reach; the longest prefix decides. Rows marked global are
#: exceptions from a wider one.
TABLE: tuple[tuple[str, Reach], ...] = (
    ("0.0.0.0/0", Reach.GLOBAL),
    ("0.0.0.0/8", Reach.RESERVED),  # "this network", RFC 791 section 3.2
    ("0.0.0.0/32", Reach.UNSPECIFIED),  # Linux connects it to the loopback
    ("10.0.0.0/8", Reach.PRIVATE),
    ("100.64.0.0/10", Reach.SHARED),
    ("127.0.0.0/8", Reach.LOOPBACK),
    ("168.63.129.16/32", Reach.LINK_LOCAL),  # not IANA's: the host of an Azure machine
    ("169.254.0.0/16", Reach.LINK_LOCAL),
    ("172.16.0.0/12", Reach.PRIVATE),
    ("192.0.0.0/24", Reach.RESERVED),  # IETF protocol assignments, RFC 6890
    ("192.0.0.9/32", Reach.GLOBAL),  # Port Control Protocol anycast, RFC 7723
    ("192.0.0.10/32", Reach.GLOBAL),  # TURN anycast, RFC 8155
    ("192.0.2.0/24", Reach.DOCUMENTATION),
    ("192.88.99.0/24", Reach.RESERVED),  # 6to4 relay anycast, RFC 7526
    ("192.168.0.0/16", Reach.PRIVATE),
    ("198.18.0.0/15", Reach.BENCHMARKING),
    ("198.51.100.0/24", Reach.DOCUMENTATION),
    ("203.0.113.0/24", Reach.DOCUMENTATION),
    ("224.0.0.0/4", Reach.MULTICAST),
    ("240.0.0.0/4", Reach.RESERVED),
    ("255.255.255.255/32", Reach.BROADCAST),
    ("::/0", Reach.RESERVED),  # what IANA has not delegated
    ("::/128", Reach.UNSPECIFIED),
    ("::1/128", Reach.LOOPBACK),
    ("::ffff:0:0/96", Reach.GLOBAL),  # IPv4-mapped: the kernel connects by IPv4
    ("64:ff9b::/96", Reach.GLOBAL),  # NAT64, RFC 6052
    ("64:ff9b:1::/48", Reach.PRIVATE),  # local-use NAT64, RFC 8215
    ("2000::/3", Reach.GLOBAL),
    ("2001::/23", Reach.RESERVED),  # IETF protocol assignments; Teredo is 2001::/32
    ("2001:1::1/128", Reach.GLOBAL),  # Port Control Protocol anycast, RFC 7723
    ("2001:1::2/128", Reach.GLOBAL),  # TURN anycast, RFC 8155
    ("2001:1::3/128", Reach.GLOBAL),  # DNS-SD registration anycast, RFC 9665
    ("2001:2::/48", Reach.BENCHMARKING),
    ("2001:3::/32", Reach.GLOBAL),  # AMT, RFC 7450
    ("2001:4:112::/48", Reach.GLOBAL),  # AS112, RFC 7535
    ("2001:20::/28", Reach.GLOBAL),  # ORCHIDv2, RFC 7343
    ("2001:30::/28", Reach.GLOBAL),  # drone remote identification, RFC 9374
    ("2001:db8::/32", Reach.DOCUMENTATION),
    ("3fff::/20", Reach.DOCUMENTATION),
    ("fc00::/7", Reach.PRIVATE),
    ("fe80::/10", Reach.LINK_LOCAL),
    ("fec0::/10", Reach.PRIVATE),  # site-local, RFC 3879
    ("ff00::/8", Reach.MULTICAST),
)


def reach_of(ip: str) -> Reach:
    """Return how far *ip*, the text of an IPv4 or IPv6 address, reaches.

    Raises:
      AddressError: the text is no address, or one in a notation that programs
        read differently (``127.1``, ``0177.0.0.1``).
    """
    return reach_of_address(parse_ip(ip))


def reach_of_address(address: IP) -> Reach:
    """Return how far *address* and every address inside it reach."""
    reaches = [_look_up(address), *(_look_up(inside) for inside in embedded_in(address))]
    special = (reach for reach in reversed(reaches) if reach is not Reach.GLOBAL)
    return next(special, Reach.GLOBAL)


def parse_ip(ip: str) -> IP:
    """Return the address that the text *ip* spells; a zone is kept."""
    try:
        return IPv6Address(ip) if ":" in ip else IPv4Address(ip)
    except AddressValueError:
        raise AddressError(f"{ip[:60]!a} is not an IP address in its usual form") from None


def embedded_in(address: IP) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses that *address* would be translated to."""
    if isinstance(address, IPv4Address):
        return ()
    bits = int(address)
    if bits >> 32 in _LAST_32 or (bits >> 32) & 0xFFFF_FFFF in _ISATAP:
        return (IPv4Address(bits & 0xFFFF_FFFF),) if bits > 1 else ()
    if bits >> 112 == 0x2002:  # 6to4, RFC 3056 section 2
        return (IPv4Address(bits >> 80 & 0xFFFF_FFFF),)
    if bits >> 96 == 0x2001_0000:  # Teredo server, and client inverted; RFC 4380 section 4
        return IPv4Address(bits >> 64 & 0xFFFF_FFFF), IPv4Address(~bits & 0xFFFF_FFFF)
    return ()


#: The upper 96 bits of what carries an IPv4 address in its lower 32.
_LAST_32 = frozenset(
    {
        0,  # IPv4-compatible, RFC 4291 section 2.5.5.1
        0xFFFF,  # IPv4-mapped, RFC 4291 section 2.5.5.2
        0x0064_FF9B << 64,  # NAT64, RFC 6052 section 2.1
    }
)
#: Bits 64 to 95 of an ISATAP address; RFC 5214 section 6.1.
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})


@functools.cache
def _networks() -> tuple[tuple[Network, Reach], ...]:
    rows = [(ip_network(text), reach) for text, reach in TABLE]
    return tuple(sorted(rows, key=lambda row: -row[0].prefixlen))


def _look_up(address: IP) -> Reach:
    # "in" compares versions first, and 0.0.0.0/0 and ::/0 hold all addresses.
    return next(reach for network, reach in _networks() if address in network)
