"""connect: an HTTP proxy that tunnels; RFC 9110 section 9.3.6."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.opening.proxying import tunnel
from fildes.patterns import pattern
from fildes.scheme import Example, Scheme, Shape
from fildes.wire.connect import check_response, connect_request
from fildes.wire.http1 import HeadReader, ResponseHead

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="connect",
    shape=Shape.ENDPOINT,
    summary="through an HTTP proxy, by its CONNECT method",
    carried_by="transport",
    tunnels=True,
    userinfo=True,
    examples=(
        Example("https://host/x::connect://proxy:3128", "a document through a web proxy"),
        Example("tcp://host:22::connect://me:secret@proxy:3128", "with a user and password"),
        Example(
            "tls://host:443::connect://proxy:443::tls://proxy:443", "the proxy itself under TLS"
        ),
    ),
)

#: What ends a head; RFC 9112 section 2.1.
END = b"\r\n\r\n"

BLANKS = pattern(rb" +")


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Have the proxy connect to *target*."""
    assert target is not None, "the parser lets a proxy only stand below another layer"
    request = connect_request(
        target.host, target.port, username=address.user, password=address.password or ""
    )

    async def ask(stream: Stream) -> None:
        await stream.send_all(request)
        check_response(await recv_head(stream))

    return await tunnel(opening, address, target, ask)


async def recv_head(stream: Stream) -> ResponseHead:
    """Receive the proxy's answer and not a byte more.

    Proxies are met that write more than one blank into the status line, and nothing hangs
    on how many there are: behind a tunnel's head comes no body.
    """
    reader = HeadReader()
    line = tail = b""
    while reader.head is None:
        data = await stream.recv(missing(tail))
        if not data:
            reader.eof()
        tail = (tail + data)[-len(END) :]
        if b"\n" not in line:
            known, line = line, BLANKS.sub(b" ", line + data)
            data = line[len(known) :]
        reader.feed(data)
    return reader.head


def missing(tail: bytes) -> int:
    """Return how many bytes at least follow *tail* before the head can be complete."""
    have = next(size for size in (3, 2, 1, 0) if tail.endswith(END[:size]))
    return len(END) - have
