"""unix-seqpacket-listen: a connection of records that another process makes; unix(7)."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from fildes.scheme import Example
from fildes.schemes import unix_listen

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.listening.accepting import Acceptor
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = unix_listen.SCHEME._replace(
    name="unix-seqpacket-listen",
    summary="a connection of records from a process of this machine",
    examples=(Example("unix-seqpacket-listen:///run/ours", "one record for each write"),),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Listen at the path, accept one connection, and remove the path."""
    from fildes.listening.once import accept_one

    return await accept_one(opening, listen_(opening, address))


async def listen_(opening: Opening, address: Address) -> Acceptor:
    """Listen at the path, for its owner only, or by the abstract name."""
    from fildes.listening.unix import listen

    return await listen(opening, address, socket.SOCK_SEQPACKET)
