"""The server's side of the handshake: who is let in, and what the others are told.

A browser lets any page connect to anything, this machine's loopback included, and says
only which page it is (RFC 6455 section 10.2). So a page of somebody else's is refused
unless an option names it. Its own name a page may have rebound to our address; so by
itself only a page on an IP address, on localhost or on the host listened at is ours.
"""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING, NamedTuple

from fildes.address.hostname import is_ip
from fildes.errors import IncompleteError, ProtocolError
from fildes.http.response import Headers
from fildes.opening.requiring import require
from fildes.websocket.options import make_stream, subprotocols_of
from fildes.wire.websocket import (
    DEFLATE,
    Refusal,
    RequestHead,
    answering_fields,
    check_request,
    parse_request,
    refusing,
    response_bytes,
    split_list,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fildes.address import Address
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream
    from fildes.waiting import Protocol
    from fildes.websocket.deflate import Deflate
    from fildes.websocket.stream import WebSocketStream

END = b"\r\n\r\n"  #: of a head; RFC 9112 section 2.1

#: Bytes of a request's head; twice what Apache and nginx take of one line.
HEAD_LIMIT = 16384  # arbitrary

#: Bytes that are read of a client that was refused, so that it reads the answer.
REST_LIMIT = 65536  # arbitrary


class Request(NamedTuple):
    """What a client asked for.

    Attributes:
      target: the path and query.
    """

    target: str
    headers: Headers


def answering(opening: Opening, address: Address) -> Callable[[Stream], Protocol[WebSocketStream]]:
    """Return the handshake that the options of *address* ask for.

    Raises:
      OSError: ENOPKG, wsproto is not installed.
      AddressError: an option makes no sense.
    """
    require("wsproto", "ws")
    names = subprotocols_of(opening, address)

    async def answer(inner: Stream) -> WebSocketStream:
        data, rest = await recv_head(inner)
        try:
            head = parse_request(data)
            key = check_request(head)
            check_place(head, address, opening.option(address, "origin") or ())
        except Refusal as refusal:
            raise await refuse(inner, refusal) from None
        codec, said = agree_on_compression(head, wanted=opening.option(address, "deflate"))
        chosen = choose(head.get_all("Sec-WebSocket-Protocol"), names)
        fields = answering_fields(key, chosen, said)
        await inner.send_all(response_bytes(101, "Switching Protocols", fields))
        stream = make_stream(opening, address, inner, client=False, deflate=codec)
        stream.request, stream.subprotocol = Request(head.target, Headers(head.fields)), chosen
        stream.frames.feed(rest)
        return stream

    return answer


async def recv_head(inner: Stream) -> tuple[bytes, bytes]:
    """Return the head of a request, and what came behind it."""
    received = b""
    while END not in received:
        data = await inner.recv(HEAD_LIMIT)
        if not data:
            raise IncompleteError(f"the client closed after {len(received)} bytes of a request")
        received += data
        if not received[:1].isupper():  # TLS, or another protocol: it may never send a line
            raise await refuse(inner, Refusal(400, "not a request of HTTP/1.1"))
        if len(received) > HEAD_LIMIT and END not in received[:HEAD_LIMIT]:
            raise await refuse(inner, Refusal(431, f"more than {HEAD_LIMIT} bytes"))
    size = received.index(END) + len(END)
    return received[:size], received[size:]


async def refuse(inner: Stream, refusal: Refusal) -> OSError:
    """Tell the client of *refusal*, let it read that, and return the error that it is."""
    with contextlib.suppress(OSError, EOFError):  # less telling than the refusal
        await inner.send_all(refusing(refusal))
        await inner.half_close()
        left = REST_LIMIT
        while left > 0 and (data := await inner.recv()):
            left -= len(data)
    words = f"answered {refusal.status}: {refusal}"
    if refusal.status == 403:
        return PermissionError(errno.EACCES, words)
    return ProtocolError(words)


def check_place(head: RequestHead, address: Address, origins: Sequence[str]) -> None:
    """Raise `Refusal` unless the client wants what is at *address*, and may have it.

    Args:
      origins: of pages of others that are let in; ``*`` for any.
    """
    if address.path and head.path != address.path:
        raise Refusal(404, "nothing is served at that path")
    for origin in head.get_all("Origin"):  # nobody but browsers says it
        if "*" not in origins and origin not in origins and not is_own(head, origin, address):
            raise Refusal(403, "pages of that origin are not let in")


def is_own(head: RequestHead, origin: str, address: Address) -> bool:
    """Tell whether the page at *origin* is of the server that it connects to."""
    (place,) = head.get_all("Host")
    host = place.rpartition(":")[0] if place.rpartition(":")[2].isdecimal() else place
    host = host.strip("[]").lower()
    same = origin.partition("://")[2].lower() == place.lower()
    return same and (is_ip(host) or host in ("localhost", address.host))


def choose(offers: Sequence[str], ours: Sequence[str]) -> str:
    """Return the best of *ours* that the client speaks; empty for none."""
    theirs = split_list(offers)
    return next((name for name in ours if name in theirs), "")


def agree_on_compression(head: RequestHead, *, wanted: bool) -> tuple[Deflate | None, str | None]:
    """Return the codec, and what is said of it; None and None without."""
    if not wanted:
        return None, None
    from fildes.websocket.deflate import answered

    named = (each.partition(";") for each in split_list(head.get_all("Sec-WebSocket-Extensions")))
    offers = [parameters for name, _, parameters in named if name.strip(" \t") == DEFLATE]
    return answered(offers) or (None, None)
