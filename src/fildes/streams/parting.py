"""Leaving a peer that still speaks.

A close with unread bytes makes the kernel send a reset at once, instead of what it has not
sent yet (RFC 2525 section 2.17); and many systems forget, when a reset comes, what their
program has not read yet. So whoever leaves first says its end, and then reads until the
peer has said its own, as the lingering close of web servers.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from fildes.streams.kernel import SocketStream
from fildes.waiting import wait_any

if TYPE_CHECKING:
    from fildes.streams.stream import Stream

#: Seconds that whoever is left may take to say its end.
LAST_WORDS = 1.0  # arbitrary


async def hear_out(stream: Stream, longest: float = LAST_WORDS) -> None:
    """Let a peer that knows of our end come to its own, and throw away what it says.

    Args:
      longest: seconds that it may take as long as it speaks; of silence, `LAST_WORDS`.
    """
    if not is_carried(stream):
        return
    until = time.monotonic() + longest
    buffer = memoryview(bytearray(16384))
    with contextlib.suppress(OSError, EOFError):
        while (received := stream.try_recv_into(buffer)) != 0:
            left = min(LAST_WORDS, until - time.monotonic())
            if left <= 0:
                return
            if received is not None:
                await wait_any({}, 0)  # others have their turn, however fast it speaks
            elif not await wait_any(stream.recv_wants(), left):
                return


async def dismiss(stream: Stream) -> None:
    """Release *stream*, of which nothing was heard; without a reset if its peer ends, too."""
    try:
        if stream.readable and stream.writable and stream.half_closes and is_carried(stream):
            with contextlib.suppress(OSError, EOFError):
                await stream.half_close()
                await hear_out(stream)
                await stream.close()
    finally:
        stream.abort()


def is_carried(stream: Stream) -> bool:
    """Tell whether a socket carries *stream* to a peer that an end can be said to."""
    sockets = (isinstance(layer, SocketStream) for layer in stream.layers())
    return not stream.messages and any(sockets)
