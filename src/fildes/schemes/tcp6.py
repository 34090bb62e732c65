"""tcp6: tcp over IPv6 only."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from fildes.opening.opening import Target
from fildes.scheme import Example
from fildes.schemes import tcp

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream

SCHEME = tcp.SCHEME._replace(
    name="tcp6",
    summary="a byte stream to a host and port, over IPv6 only",
    examples=(Example("tcp6://localhost:7", "the echo service, never over IPv4"),),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Connect to the IPv6 addresses of the host."""
    there = Target(address.host, opening.port_of(address))
    return await tcp.connect(opening, address, there, socket.AF_INET6)
