"""udp: datagrams to and from one host and port; udp(7).

The socket is connected, so the kernel lets only that peer's datagrams in, and tells
when nobody listens there (ECONNREFUSED, from the peer's ICMP message).
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from fildes.opening.connecting import connect_host
from fildes.opening.opening import Target
from fildes.scheme import Example, Option, Scheme, Shape
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
    options=(Option("bind", "text", "the local address to send from"),),
    examples=(Example("udp://localhost:514", "one datagram for each write"),),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Connect a socket of datagrams to the host and port that the address names."""
    there = Target(address.host, opening.port_of(address))
    bind = opening.option(address, "bind")

    def prepare(sock: socket.socket) -> None:
        if bind:
            sock.bind((bind, 0))

    return DatagramStream(await connect_host(opening, there, prepare, type=socket.SOCK_DGRAM))
