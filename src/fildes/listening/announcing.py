"""Connections that begin by saying from whom they were passed on: the PROXY protocol.

Only where the listener's options ask for it; never guessed, for whoever connects could
claim to be anybody. ``allow`` should name those that pass on: it is about whoever
connects, and everything else (``max-per-peer``, `peer`, `local`) about the one told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.errors import ProtocolError
from fildes.listening.admission import CountedSocket, turned_away
from fildes.streams.kernel import SocketStream
from fildes.wire.proxy_header import ProxyHeader, missing, parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.streams.stream import Stream
    from fildes.waiting import Protocol


async def announced(stream: Stream) -> Stream:
    """Receive the header at the beginning of *stream*, and let it have the peer told.

    Raises:
      ProtocolError: it does not begin with a header.
      PermissionError: the client told has too many connections.
    """
    header = await receive_header(stream)
    assert isinstance(stream, SocketStream)
    if header.source is not None:
        slot = stream.sock.slot if isinstance(stream.sock, CountedSocket) else None
        if slot is not None and not slot.move(header.source[0]):
            raise turned_away()
        stream.peer_name, stream.local_name = header.source, header.destination
    return stream


async def receive_header(stream: Stream) -> ProxyHeader:
    """Return the header, of which every byte is received, and none behind it."""
    head = b""
    while size := missing(head):
        received = await stream.recv(size)
        if not received:
            raise ProtocolError("the connection ended within the PROXY header")
        head += received
    return parse(head)


def announced_before(
    handshake: Callable[[Stream], Protocol[Stream]] | None,
) -> Callable[[Stream], Protocol[Stream]]:
    """Return a handshake that receives the header, and then does *handshake*."""
    if handshake is None:
        return announced
    then = handshake

    async def both(stream: Stream) -> Stream:
        return await then(await announced(stream))

    return both
