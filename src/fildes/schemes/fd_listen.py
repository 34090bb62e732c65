"""fd-listen: a connection to a listening socket that this process holds already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.listening.options import CLIENTS, MAX_CONNECTIONS
from fildes.scheme import Example, Scheme, Shape

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.listening.accepting import Acceptor
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="fd-listen",
    shape=Shape.WORD,
    summary="a connection to a listening socket that this process holds already",
    options=(MAX_CONNECTIONS, *CLIENTS),
    examples=(Example("fd-listen:3", "descriptor 3, which a parent has left open; it stays"),),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Accept one connection; the socket goes on listening."""
    from fildes.listening.once import accept_one

    return await accept_one(opening, listen_(opening, address))


async def listen_(opening: Opening, address: Address) -> Acceptor:
    """Listen at a duplicate of the descriptor, whose number stays the caller's."""
    from fildes.listening.inherited import listen, number_of

    return listen(opening, address, [number_of(address.path)])
