"""Whether an IP address, or one hidden in it, lies in given networks."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from ipaddress import IPv6Address, ip_network

from fildes.errors import AddressError
from fildes.policy.reach import IP, Network, Reach, embedded_in, parse_ip, reach_of

__all__ = ["Reach", "check", "holds", "reach_of"]


def check(networks: Sequence[str]) -> None:
    """Raise AddressError for a text that is no network."""
    for text in networks:
        _network(text)


def holds(networks: Sequence[str], ip: str, *, hidden: bool = False) -> bool:
    """Return whether one of *networks* holds *ip*.

    Args:
      hidden: look at any IPv4 address that translators would take out of it, too;
        else only at the one that the kernel takes it for.

    Raises:
      AddressError: *ip* is not an IP address in its usual form.
    """
    address = parse_ip(ip)
    forms = (address, *embedded_in(address)) if hidden else _same(address)
    return any(form in _network(text) for form in forms for text in networks)


def _same(address: IP) -> Iterator[IP]:
    """Yield *address* and the IPv4 address that the kernel takes it for."""
    yield address
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        yield address.ipv4_mapped


@functools.lru_cache(maxsize=256)  # arbitrary; a policy has a handful
def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise AddressError(f"no network: {error}; write it as in 10.0.0.0/8 or fd00::/8") from None
