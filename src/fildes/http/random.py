"""Opening a document for random access, or as what its server makes of it.

One request answers whether the document is there, how large it is, which version it
is and whether parts of it can be had; and it brings the first bytes. A server that
answers it with the whole document has no ranges, and gives a stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.errors import ProtocolError
from fildes.http.again import learned_from
from fildes.http.body import HttpStream
from fildes.http.fetching import Fetch
from fildes.http.parts import NO_RANGES, Parts, check_first
from fildes.http.planning import Rate
from fildes.http.pool import Pool
from fildes.http.ranged import MAX_LIVE, RangedStream
from fildes.http.received import received_whole
from fildes.http.validator import part_of
from fildes.wire.content_range import range_field

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.http.fetching import Answer
    from fildes.http.request import Request
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream

#: How much the first request asks for: at the beginning, or at the end.
PROBE_SIZE = 65536  # arbitrary


async def open_random(opening: Opening, address: Address, *, tail: bool = False) -> Stream:
    """Return the document at *address*, seekable if the server lets us.

    Args:
      tail: its end will be read first.

    Raises:
      OSError: a step failed, or the answer is none that a document follows.
      ValueError, TypeError: a header cannot be sent; nothing was opened.
    """
    pool = opening.pool or Pool(MAX_LIVE)
    stream = None
    try:
        stream = await open_over(pool, opening, address, tail=tail)
    finally:
        if opening.pool is None and not isinstance(stream, RangedStream):
            pool.close()  # a redirect may have left its connection
    return stream


async def open_over(pool: Pool, opening: Opening, address: Address, *, tail: bool) -> Stream:
    """Do what `open_random` says, with connections of *pool*."""
    ranges = Fetch(opening, address, pool)
    probes = [(-PROBE_SIZE, None)] if tail else []
    for start, stop in [*probes, (0, PROBE_SIZE)]:
        field = (range_field(start, stop),)
        request, answer = await ranges.travel(field, check_first)
        with opening.blame("response"):
            stream = opened(ranges, request, answer, start)
        if stream is not None:
            if address is opening.address:
                opening.learned = learned_from(ranges, (request, field), answer)
            return stream
        answer.connection.stream.abort()
    from fildes.http.resuming import fetch_resumable

    return await fetch_resumable(opening, address)


def opened(ranges: Fetch, request: Request, answer: Answer, start: int) -> Stream | None:
    """Return what a first *answer* opens; None if it has to be asked for otherwise.

    Args:
      start: of what was asked for; negative for what is before the end.
    """
    kept = ranges.opening.pool
    if answer.response.status in NO_RANGES:
        return None
    if answer.response.status != 206:
        from fildes.http.resuming import resumable

        return resumable(ranges.opening, ranges, request, answer)
    try:
        first = part_of(answer)
        if first.total is None or (start < 0 and first.stop != first.total):
            return None
        if start >= 0 and first.start != 0:
            raise ProtocolError("the server sent another part than the beginning asked for")
    except BaseException:
        answer.connection.stream.abort()
        raise
    if (first.start, first.stop) == (0, first.total):
        whole = received_whole(HttpStream(answer, kept))
        if whole is not None:
            return whole
    assert ranges.pool is not None, "parts come over connections that are kept"
    parts = Parts(ranges, request, answer, ranges.pool.rate(answer.connection.key, Rate()))
    return RangedStream(parts, answer, ranges.pool, own_pool=kept is None)
