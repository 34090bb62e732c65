"""ws-listen: a WebSocket that a client, or a page in a browser, opens; RFC 6455."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.listening.options import TCP
from fildes.scheme import Example, Option, Scheme, Shape
from fildes.websocket.options import BOTH

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.address import Address
    from fildes.listening.accepting import Acceptor
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream
    from fildes.waiting import Protocol

OPTIONS = (
    *BOTH,
    Option(
        "origin",
        "list",
        "an origin whose pages are let in, as https://page.example; * for any; those of "
        "localhost, of IP addresses and of the host in the address may come to their own",
    ),
)

SCHEME = Scheme(
    name="ws-listen",
    shape=Shape.PLACE,
    summary="a conversation by WebSocket with whoever connects to a port of ours",
    options=(*OPTIONS, *TCP),
    examples=(
        Example("ws-listen://:8080", "at port 8080, any path, for programs of this machine only"),
        Example("ws-listen://:8080/chat?origin=https://page.example", "one path, for one page"),
        Example("ws-listen://0.0.0.0:8080?subprotocol=binary", "for all, as noVNC asks for it"),
    ),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Listen at the port, accept one connection, do the handshake, and listen no more."""
    from fildes.listening.once import accept_one

    return await accept_one(opening, listen_(opening, address))


async def listen_(opening: Opening, address: Address) -> Acceptor:
    """Listen at every address of the host; on loopback if it names none."""
    from fildes.websocket.answering import answering

    return await listen_with(opening, address, "ws", answering(opening, address))


async def listen_with(
    opening: Opening,
    address: Address,
    scheme: str,
    handshake: Callable[[Stream], Protocol[Stream]],
) -> Acceptor:
    """Listen at *address*, which clients open by *scheme*."""
    from fildes.listening.tcp import listen

    acceptor = await listen(opening, address, scheme=scheme, handshake=handshake)
    acceptor.address = acceptor.address.replace(path=address.path or "/")
    return acceptor
