"""tcp: a byte stream to a host and port; tcp(7)."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from fildes.opening.announcing import ANNOUNCING, announce
from fildes.opening.connecting import connect_host
from fildes.opening.opening import Target
from fildes.opening.socket_options import (
    BUFFERS,
    CONGESTION,
    HEADER,
    KEEPALIVE,
    NODELAY,
    PLACE,
    chooses_congestion,
    place_of,
    placed,
    preparation,
)
from fildes.scheme import Example, Scheme, Shape
from fildes.streams.kernel import SocketStream

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream

OPTIONS = (NODELAY, *KEEPALIVE, CONGESTION, *PLACE, *BUFFERS, *HEADER, ANNOUNCING)

SCHEME = Scheme(
    name="tcp",
    shape=Shape.ENDPOINT,
    summary="a byte stream to a host and port",
    carried_by="transport",
    confined=True,
    options=OPTIONS,
    examples=(
        Example("tcp://localhost:7", "a conversation with the echo service"),
        Example("tcp://[::1]:8080?nodelay=off", "an IPv6 address, small writes gathered"),
        Example(
            "tcp://db:5432?bind=192.0.2.7:5000&keepidle=60", "from an address and port of ours"
        ),
        Example("tls://db:443::tcp://db:443?interface=eth0", "what carries TLS has options, too"),
    ),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Connect to the host and port that the address names, through a proxy if it names one."""
    own = Target(address.host, opening.port_of(address))
    if address.inner is not None:
        inner = await opening.open_transport(address, own)
        await announce(opening, address, inner)
        return inner
    return await connect(opening, address, own)


async def open_target(opening: Opening, target: Target) -> Stream:
    """Connect to what an outer layer wants to reach."""
    from fildes.address import Address

    return await connect(opening, Address("tcp", host=target.host, port=target.port), target)


async def connect(
    opening: Opening, address: Address, target: Target, family: int = socket.AF_UNSPEC
) -> Stream:
    """Connect to *target* with the options of *address*."""
    prepare = preparation(opening, address)
    place = place_of(opening, address)
    if place is not None:
        prepare, family = placed(prepare, place), family or place.family
    sock = await connect_host(opening, target, prepare, family=family)
    stream = SocketStream(sock)
    stream.was_reset = stream.peer_name is None
    stream.own_congestion = chooses_congestion(opening, address)
    await announce(opening, address, stream)
    return stream
