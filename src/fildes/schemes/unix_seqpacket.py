"""unix-seqpacket: a connection of records to a process on this machine; unix(7)."""

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
    name="unix-seqpacket",
    shape=Shape.PATH,
    summary="a connection of records to a process on this machine",
    options=unix.OPTIONS,
    examples=(Example("unix-seqpacket:///run/udev/control", "one record for each write"),),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Connect to the socket at the path, or by the abstract name."""
    return await unix.connect(opening, address, socket.SOCK_SEQPACKET)
