"""vsock-listen: a connection that a virtual machine or its host makes; vsock(7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.listening.options import BACKLOG, MAX_CONNECTIONS
from fildes.scheme import Example, Scheme, Shape

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.listening.accepting import Acceptor
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="vsock-listen",
    shape=Shape.WORD,
    summary="a byte stream from a virtual machine or its host",
    options=(BACKLOG, MAX_CONNECTIONS),
    examples=(
        Example("vsock-listen://any:1024", "from the host, or from every machine on it"),
        Example("vsock-listen://:1024", "for this machine only, with the module vsock_loopback"),
    ),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Listen at the port, accept one connection, and listen no more."""
    from fildes.listening.once import accept_one

    return await accept_one(opening, listen_(opening, address))


async def listen_(opening: Opening, address: Address) -> Acceptor:
    """Listen at the port of a context, of this machine only if it names none."""
    from fildes.listening.vsock import listen

    return listen(opening, address)
