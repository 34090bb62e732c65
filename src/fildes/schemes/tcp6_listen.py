"""tcp6-listen: tcp-listen over IPv6 only."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from fildes.scheme import Example
from fildes.schemes import tcp_listen

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.listening.accepting import Acceptor
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = tcp_listen.SCHEME._replace(
    name="tcp6-listen",
    summary="a byte stream from whoever connects to a port of ours, over IPv6 only",
    examples=(Example("tcp6-listen://:8080", "at port 8080 of loopback, never over IPv4"),),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Listen at the port, accept one connection, and listen no more."""
    from fildes.listening.once import accept_one

    return await accept_one(opening, listen_(opening, address))


async def listen_(opening: Opening, address: Address) -> Acceptor:
    """Listen at the IPv6 addresses of the host; on loopback if it names none."""
    from fildes.listening.tcp import listen

    return await listen(opening, address, socket.AF_INET6, "tcp6")
