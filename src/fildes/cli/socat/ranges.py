"""The networks of socat's option ``range``: by address, or by the name of a host."""

from __future__ import annotations

import ipaddress
import socket

from fildes.address.hostname import canonical_host, is_ip
from fildes.cli.socat.addresses import unbracketed
from fildes.errors import AddressError

#: What bits are checked with before a name is looked up.
NOWHERE = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}


def networks_of(text: str) -> list[str]:
    """Return the networks that *text*, ``address/bits`` or ``address:mask``, stands for.

    An IPv6 network stands in brackets. A name is looked up now, and stands for all the
    addresses of that family that it has.

    Raises:
      AddressError: it is no network, or the name has no address.
    """
    host, slash, bits = text.partition("/")
    if not slash and text.count(":") == 1:
        host, slash, bits = text.partition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    host, bits = unbracketed(host), slash and f"/{bits}"
    try:
        if not slash or is_ip(host):
            return [network(host, bits)]
        network(NOWHERE[family], bits)
        name = canonical_host(host)
    except (ValueError, AddressError):
        raise AddressError(
            "a network is written 10.0.0.0/8 or [fe80::]/10, and that of a host NAME/32"
        ) from None
    return [network(address, bits) for address in find_addresses(name, family)]


def network(address: str, bits: str) -> str:
    """Return the network around *address*; without *bits* it is that address alone."""
    return str(ipaddress.ip_network(address + bits, strict=False))


def find_addresses(name: str, family: int) -> list[str]:
    """Return the addresses of *family* that *name* has.

    Raises:
      AddressError: it has none, or nobody can be asked.
    """
    try:
        found = socket.getaddrinfo(name, None, family, socket.SOCK_STREAM)
    except OSError as error:
        raise AddressError(f"{name} has no address to let in: {error.strerror}") from None
    return list(dict.fromkeys(str(sockaddr[0]) for _, _, _, _, sockaddr in found))
