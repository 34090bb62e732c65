"""unix-dgram-listen: datagrams of processes of this machine, and answers to each; unix(7)."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from fildes.listening.options import MAX_CONNECTIONS
from fildes.opening.owners import OWNER
from fildes.scheme import Example, Option, Scheme, Shape

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.listening.accepting import Acceptor
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="unix-dgram-listen",
    shape=Shape.PATH,
    summary="datagrams from processes of this machine, each by itself, and answers to its sender",
    options=(
        Option("mode", "text", "who may send: the permissions of the file, in octal", "600"),
        *OWNER,
        MAX_CONNECTIONS,
    ),
    examples=(
        Example("unix-dgram-listen:///run/user/1000/ours", "one question, its end, our answers"),
        Example("unix-dgram-listen:@name", "in the abstract namespace"),
    ),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Receive one datagram at the path, and remove the path."""
    from fildes.listening.once import accept_one

    return await accept_one(opening, listen_(opening, address))


async def listen_(opening: Opening, address: Address) -> Acceptor:
    """Receive at the path, for its owner only, or by the abstract name."""
    from fildes.listening.unix import listen

    return await listen(opening, address, socket.SOCK_DGRAM)
