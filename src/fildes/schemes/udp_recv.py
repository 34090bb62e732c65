"""udp-recv: the datagrams that anybody sends to a port of ours, and no answers; udp(7)."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from fildes.errors import AddressError
from fildes.opening import groups
from fildes.opening.opening import Target
from fildes.opening.socket_options import BUFFERS, Place, preparation
from fildes.scheme import Example, Option, Scheme, Shape

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="udp-recv",
    shape=Shape.ENDPOINT,
    summary="the datagrams that anybody sends to a port of ours, all in one",
    mode="rb",
    options=(
        Option("allow", "list", "a network whose datagrams are heard, as 10.0.0.0/8; no others"),
        Option("interface", "text", "the network interface to receive at, and no other"),
        *BUFFERS,
        *groups.GROUPS[:2],
    ),
    examples=(
        Example("udp-recv://127.0.0.1:5140", "what programs of this machine send there"),
        Example("udp-recv://0.0.0.0:5140?allow=10.0.0.0/8", "what hosts of a network send"),
        Example("udp-recv://239.1.2.3:5004?multicast-if=eth0", "what a multicast group gets"),
    ),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Receive at the address and port, which are ours or those of a multicast group."""
    from fildes.listening.tcp import listen_at
    from fildes.schemes.udp import allowed
    from fildes.streams.everybody import HeardStream

    given = opening.given(address)
    if not address.host:
        raise AddressError("udp-recv names where: 127.0.0.1, or 0.0.0.0 to hear everybody")
    joined = groups.memberships(opening, address)
    if groups.is_group(address.host):
        joined.append(groups.membership(address.host, given.get("multicast-if") or ""))
    heard = allowed(given) if given.get("allow") else None
    set_options = preparation(opening, address)

    def start(sock: socket.socket, sockaddr: Any) -> None:
        set_options(sock)
        if joined:  # others on this machine may hear the group, too
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if given.get("interface"):
            Place("", 0, given["interface"]).take(sock)
        sock.bind(sockaddr)
        groups.hear_no_others(sock)
        groups.join_all(joined, [sock])

    place = Target(address.host, opening.port_of(address))
    with opening.step("connect", str(place.host)):
        sock, *more = await listen_at(opening, place, socket.AF_UNSPEC, start, socket.SOCK_DGRAM)
    if more:
        for each in (sock, *more):
            each.close()
        raise AddressError(f"{address.host} is several addresses: name one of them")
    return HeardStream(sock, heard)
