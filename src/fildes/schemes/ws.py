"""ws: a conversation by WebSocket with a web server; RFC 6455."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.scheme import Example, Option, Scheme, Shape
from fildes.schemes import http
from fildes.websocket.options import BOTH

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

#: What http has, too: the handshake is a request of HTTP.
AS_HTTP = ("headers", "bearer", "auth", "netrc", "cookies", "proxy")

#: The query belongs to the server, so they are given to `fildes.open`, or with -O.
OPTIONS = (
    *BOTH,
    Option("origin", "text", "the page that a browser would say it is on; RFC 6454"),
    *(each for each in http.OPTIONS if each.name in AS_HTTP),
)

SCHEME = Scheme(
    name="ws",
    shape=Shape.RESOURCE,
    summary="a conversation by WebSocket with a web server",
    default_port=80,
    carried_by="transport",
    userinfo=True,
    confined=True,
    options=OPTIONS,
    examples=(
        Example("ws://localhost:8080/chat", "what is written goes out as binary messages"),
        Example("ws://localhost/x::unix:///run/x.sock", "a server on a unix socket"),
        Example("tcp://db:5432::ws://gateway/", "a connection that a gateway passes on"),
    ),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Have the server switch to WebSocket; what lies behind it is its own business."""
    from fildes.websocket.asking import ask

    return await ask(opening, address)
