"""From a document read at random to a stream of what follows its position."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from fildes.errors import IncompleteError
from fildes.http.body import HttpStream
from fildes.http.fetching import Fetch
from fildes.http.planning import Window
from fildes.http.received import Rest
from fildes.http.resuming import ResumingStream

if TYPE_CHECKING:
    from fildes.http.ranged import RangedStream
    from fildes.streams.stream import Stream


async def follow(stream: RangedStream) -> Stream:
    """Return what follows the position of *stream*, which is closed.

    An answer that just comes there and goes on to the end is used; else one more is
    asked for.
    """
    body = at_hand(stream)
    if body is None and stream.position < stream.size:
        body = await ask_for_rest(stream)
    rest = Rest(io.BytesIO(), stream.response) if body is None else resuming(stream, body)
    stream.abort()
    return rest


def at_hand(stream: RangedStream) -> HttpStream | None:
    """Return the body of a live answer that is what is wanted, taken out of *stream*."""
    for live in stream.lives:
        if (live.position, live.stop) == (stream.position, stream.size):
            stream.lives.remove(live)
            return live.body
    return None


async def ask_for_rest(stream: RangedStream) -> HttpStream:
    """Ask for all that follows the position."""
    answer, part = await stream.parts.ask(Window(stream.position, None))
    body = HttpStream(answer, None if stream.own_pool else stream.pool)
    try:
        await skip(body, stream.position - part.start)
    except BaseException:
        body.abort()
        raise
    return body


def resuming(stream: RangedStream, body: HttpStream) -> Stream:
    """Return what follows the position of *stream*, which *body* brings up to where it is cut."""
    if not stream.parts.fetch.resume:
        return body
    old = stream.parts.fetch  # which is interrupted, with the stream
    fetch = Fetch(old.opening, old.address, None if stream.own_pool else stream.pool)
    rest = ResumingStream(
        fetch, stream.parts.request, body, stream.size, start=stream.position, size=stream.size
    )
    rest.response = stream.response  # which tells the version that was opened
    return rest


async def skip(body: HttpStream, size: int) -> None:
    """Receive and drop *size* bytes."""
    while size:
        data = await body.recv(min(size, 65536))
        if not data:
            raise IncompleteError("partial answer (206) is shorter than its Content-Range")
        size -= len(data)
