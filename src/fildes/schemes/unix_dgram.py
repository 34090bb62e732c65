"""unix-dgram: datagrams to a process on this machine; unix(7)."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from fildes.scheme import Example, Scheme, Shape
from fildes.schemes import unix

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="unix-dgram",
    shape=Shape.PATH,
    summary="datagrams to a process on this machine",
    options=unix.OPTIONS,
    examples=(Example("unix-dgram:///dev/log", "one message to syslog for each write"),),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Connect a socket of datagrams, named so that the peer can answer."""
    return await unix.connect(opening, address, socket.SOCK_DGRAM)
