"""tcp-listen: a connection that somebody else makes; the other side of tcp."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.listening.options import TCP
from fildes.scheme import Example, Scheme, Shape

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.listening.accepting import Acceptor
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="tcp-listen",
    shape=Shape.ENDPOINT,
    summary="a byte stream from whoever connects to a port of ours",
    options=TCP,
    examples=(
        Example("tcp-listen://:8080", "at port 8080, for programs of this machine only"),
        Example("tcp-listen://0.0.0.0:8080?allow=10.0.0.0/8", "at every IPv4 address, for some"),
        Example("tcp-listen://[::]:8080?allow=fd00%3A%3A/8", "of IPv6; :: is written %3A%3A"),
        Example("tcp-listen://[::]:8080?ipv4=on", "at every address of this machine, for all"),
        Example("tcp-listen://[::1]:0?max-connections=10", "at a port of the kernel's choice"),
    ),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Listen at the port, accept one connection, and listen no more."""
    from fildes.listening.once import accept_one

    return await accept_one(opening, listen_(opening, address))


async def listen_(opening: Opening, address: Address) -> Acceptor:
    """Listen at every address of the host; on loopback if it names none."""
    from fildes.listening.tcp import listen

    return await listen(opening, address)
