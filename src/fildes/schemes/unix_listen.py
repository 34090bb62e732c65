"""unix-listen: a connection that another process of this machine makes; unix(7)."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from fildes.listening.options import BACKLOG, MAX_CONNECTIONS
from fildes.opening.owners import OWNER
from fildes.scheme import Example, Option, Scheme, Shape

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.listening.accepting import Acceptor
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="unix-listen",
    shape=Shape.PATH,
    summary="a byte stream from a process of this machine that connects to a path of ours",
    options=(
        Option("mode", "text", "who may connect: the permissions of the file, in octal", "600"),
        *OWNER,
        BACKLOG,
        MAX_CONNECTIONS,
    ),
    examples=(
        Example("unix-listen:///run/user/1000/ours", "a socket for its owner only"),
        Example("unix-listen:/run/ours?mode=660&group=www-data", "for that group, too"),
        Example("unix-listen:@name", "in the abstract namespace, for every user of the machine"),
    ),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Listen at the path, accept one connection, and remove the path."""
    from fildes.listening.once import accept_one

    return await accept_one(opening, listen_(opening, address))


async def listen_(opening: Opening, address: Address) -> Acceptor:
    """Listen at the path, for its owner only, or by the abstract name."""
    from fildes.listening.unix import listen

    return await listen(opening, address, socket.SOCK_STREAM)
