"""udp: datagrams to and from one host and port; udp(7).

The socket is connected, so the kernel lets only that peer's datagrams in, and tells
when nobody listens there (ECONNREFUSED, from the peer's ICMP message).
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from fildes.opening.connecting import connect_host
from fildes.opening.opening import Target
from fildes.opening.socket_options import (
    BUFFERS,
    HEADER,
    MULTICAST,
    PLACE,
    place_of,
    placed,
    preparation,
)
from fildes.scheme import Example, Scheme, Shape
from fildes.streams.datagrams import DatagramStream

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="udp",
    shape=Shape.ENDPOINT,
    summary="datagrams to and from a host and port",
    confined=True,
    options=(*PLACE, *BUFFERS, *HEADER, *MULTICAST),
    examples=(
        Example("udp://localhost:514", "one datagram for each write"),
        Example("udp://192.0.2.255:9?broadcast=on", "to all hosts of a network"),
        Example("udp://224.0.0.251:5353?interface=eth0", "to a multicast group"),
    ),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Connect a socket of datagrams to the host and port that the address names."""
    return await connect(opening, address)


async def connect(opening: Opening, address: Address, family: int = 0) -> Stream:
    """Connect to an address of *family*; 0 for any."""
    there = Target(address.host, opening.port_of(address))
    prepare = preparation(opening, address)
    place = place_of(opening, address)
    if place is not None:
        prepare, family = placed(prepare, place), family or place.family
    sock = await connect_host(opening, there, prepare, family=family, type=socket.SOCK_DGRAM)
    return DatagramStream(sock)
