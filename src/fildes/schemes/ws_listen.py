"""ws-listen: a WebSocket that a client, or a page in a browser, opens; RFC 6455."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.listening.options import HANDSHAKE_TIMEOUT, TCP
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
    carried_by="listener",
    options=(*OPTIONS, *TCP),
    examples=(
        Example("ws-listen://:8080", "at port 8080, any path, for programs of this machine only"),
        Example("ws-listen://:8080/chat?origin=https://page.example", "one path, for one page"),
        Example("ws-listen://0.0.0.0:8080?subprotocol=binary", "for all, as noVNC asks for it"),
        Example(
            "ws-listen:/chat::unix-listen:/run/ours?mode=660", "behind a web server, at a path"
        ),
        Example("ws-listen::systemd-listen:", "at sockets that systemd passes"),
    ),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Listen at the port, accept one connection, do the handshake, and listen no more."""
    from fildes.listening.once import accept_one

    return await accept_one(opening, listen_(opening, address))


async def listen_(opening: Opening, address: Address) -> Acceptor:
    """Listen at every address of the host, on loopback if it names none, or inside."""
    from fildes.websocket.answering import answering

    own = (*OPTIONS, HANDSHAKE_TIMEOUT)
    return await listen_with(opening, address, own, answering(opening, address))


async def listen_with(
    opening: Opening,
    address: Address,
    own: tuple[Option, ...],
    handshake: Callable[[Stream], Protocol[Stream]],
    host: str = "localhost",
) -> Acceptor:
    """Listen at *address*.

    Args:
      own: the options that say nothing of a place.
      host: what clients call us where the place has no name.
    """
    from fildes.address import Address
    from fildes.listening.above import listen_above
    from fildes.listening.tcp import listen

    scheme, path = address.scheme.removesuffix("-listen"), address.path or "/"
    if address.inner is None:
        acceptor = await listen(opening, address, scheme=scheme, handshake=handshake)
        acceptor.address = acceptor.address.replace(path=path)
    else:
        names = {option.name for option in own}
        acceptor = await listen_above(opening, address, names, handshake)
        acceptor.address = Address(scheme, host, path=path, inner=acceptor.address)
    return acceptor
