"""Leaving the connections of a document that is closed to the next one.

A connection is free once the rest of its answer has been received. That is worth while
if it takes no longer than to connect again, which costs at least one round trip.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from fildes.waiting import wait_any

if TYPE_CHECKING:
    from fildes.http.live import Live
    from fildes.http.ranged import RangedStream

#: Seconds that the rest of an answer is waited for where no round trip was measured.
FIRST_DELAY = 0.05  # as FIRST_BDP of `fildes.http.planning`

CHUNK = 65536  #: received at once; as `fildes.streams.stream.RECV_SIZE`


async def leave(stream: RangedStream) -> None:
    """Receive the rest of answers that end soon; the others stay as they are."""
    rate = stream.planner.rate
    limit = time.monotonic() + min(FIRST_DELAY, rate.delay or FIRST_DELAY)
    with stream.state():
        short = [live for live in stream.lives if not live.endless and live.left <= rate.bdp]
        for live in short:
            stream.lives.remove(live)
            stream.taken.append(live)
    for live in short:
        done = False
        try:
            with contextlib.suppress(OSError, EOFError):
                done = await receive_rest(live, limit)
        finally:
            stream.give_back(live, broken=not done)


async def receive_rest(live: Live, limit: float) -> bool:
    """Receive and drop what is left, and release the connection; tell whether that was done.

    Args:
      limit: the moment until which it may take.
    """
    view = memoryview(bytearray(min(CHUNK, max(1, live.left))))
    while live.left:
        if live.receive_here(view) is None:
            left = limit - time.monotonic()
            if left <= 0 or not await wait_any(live.body.recv_wants(), left):
                return False
    await live.finish()
    return True
