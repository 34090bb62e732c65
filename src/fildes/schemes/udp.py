"""udp: datagrams to and from one host and port; udp(7).

The socket is connected, so the kernel lets only that peer's datagrams in, and tells
when nobody listens there (ECONNREFUSED, from the peer's ICMP message). Who sends to many,
by broadcast or to a multicast group, is answered from other addresses: with ``others=on``
the socket is not connected, and hears everybody.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from fildes.errors import AddressError
from fildes.opening import groups
from fildes.opening.connecting import connect_host
from fildes.opening.opening import Target
from fildes.opening.socket_options import (
    BUFFERS,
    HEADER,
    PLACE,
    Place,
    place_of,
    placed,
    preparation,
)
from fildes.scheme import Example, Option, Scheme, Shape
from fildes.streams.datagrams import DatagramStream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fildes.address import Address
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream

#: Where many are sent to, and may answer.
MANY = (
    Option("broadcast", "flag", "let the host be a broadcast address", False),
    Option("others", "flag", "hear everybody, not the host alone: many may answer", False),
    Option("allow", "list", "a network whose datagrams others=on hears, as 10.0.0.0/8"),
)

SCHEME = Scheme(
    name="udp",
    shape=Shape.ENDPOINT,
    summary="datagrams to and from a host and port",
    confined=True,
    options=(*PLACE, *BUFFERS, *HEADER, *MANY, *groups.GROUPS),
    examples=(
        Example("udp://localhost:514", "one datagram for each write"),
        Example("udp://192.0.2.255:9?broadcast=on&others=on", "to all hosts of a network"),
        Example("udp://224.0.0.251:5353?multicast-if=eth0&others=on", "to a multicast group"),
        Example("udp://239.1.2.3:5004?join=239.1.2.3&bind=:5004&others=on", "of a group"),
    ),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Connect a socket of datagrams to the host and port that the address names."""
    return await connect(opening, address)


async def connect(opening: Opening, address: Address, family: int = 0) -> Stream:
    """Connect to an address of *family*; 0 for any."""
    there = Target(address.host, opening.port_of(address))
    prepare, choose = preparation(opening, address), groups.sending(opening, address)
    joined, place = groups.memberships(opening, address), place_of(opening, address)
    given = opening.given(address)

    def start(sock: socket.SocketType) -> None:
        prepare(sock)
        choose(sock)
        if joined:  # others on this machine may hear the group, too
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    if not given.get("others"):
        if joined or given.get("allow"):
            raise AddressError("join and allow are for datagrams of others: say others=on, too")
        return DatagramStream(await connected(opening, there, start, place, family))
    heard = allowed(given)
    # It is a question only: which address of the host can be sent to, and from which port.
    with await connected(opening, there, start, place, family) as sock:
        peer, family, port = sock.getpeername(), sock.family, sock.getsockname()[1]
    from fildes.streams.everybody import EverybodyStream

    place = place or Place("", 0, "")
    with opening.blame("connect"):
        sock = open_socket(family, placed(start, place._replace(port=port)), joined)
    return EverybodyStream(sock, peer, heard)


async def connected(
    opening: Opening,
    there: Target,
    start: Callable[[socket.SocketType], None],
    place: Place | None,
    family: int,
) -> socket.socket:
    """Return a socket in its *place* that is connected to an address of *there*."""
    if place is not None:
        start, family = placed(start, place), family or place.family
    return await connect_host(opening, there, start, family=family, type=socket.SOCK_DGRAM)


def open_socket(
    family: int, ready: Callable[[socket.SocketType], None], joined: list[groups.Membership]
) -> socket.socket:
    """Return a socket that has no peer, and hears the groups that it has *joined*."""
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        ready(sock)
        groups.hear_no_others(sock)
        groups.join_all(joined, [sock])
    except BaseException:
        sock.close()
        raise
    return sock


def allowed(given: Mapping[str, Any]) -> Callable[[Any], bool]:
    """Return what tells whether a sender is heard, by its sockaddr."""
    allow = tuple(given.get("allow") or ())
    if not allow:
        return lambda sender: True
    from fildes.policy import networks

    networks.check(allow)
    return lambda sender: networks.holds(allow, sender[0])
