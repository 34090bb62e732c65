"""udp6: udp over IPv6 only."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from fildes.scheme import Example
from fildes.schemes import udp

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = udp.SCHEME._replace(
    name="udp6",
    summary="datagrams to and from a host and port, over IPv6 only",
    examples=(Example("udp6://localhost:514", "a log, never over IPv4"),),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Connect to the IPv6 addresses of the host."""
    return await udp.connect(opening, address, socket.AF_INET6)
