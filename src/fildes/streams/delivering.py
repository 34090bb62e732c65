"""Waiting until a peer has what was sent to it.

An abort sends a reset, and with it the kernel forgets what it has not yet delivered: the
answer, say, of a server that broke the connection after it. No event tells that bytes
were acknowledged, so who has to know looks again and again.
"""

from __future__ import annotations

import array
import contextlib
import socket
import time
from typing import TYPE_CHECKING

from fildes.streams.kernel import SocketStream
from fildes.waiting import Interest, wait_any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fildes.streams.stream import Stream

NOTHING: Interest = {}

#: Seconds without progress after which a peer is not waited for any more.
PATIENCE = 5.0  # arbitrary

#: Seconds between two looks: a round trip nearby, and longer and longer if it is more.
FIRST_LOOK, LONGEST_LOOK = 0.001, 0.1  # arbitrary

#: What TCP_INFO begins with once a connection is over; its count of bytes is then stale.
TCP_CLOSE = 7  # include/net/tcp_states.h

#: Whose abort destroys what is under way; what was sent to a unix socket is there.
INTERNET = (socket.AF_INET, socket.AF_INET6)


async def delivered(
    streams: Iterable[Stream],
    idle_timeout: float | None = None,
    until: Callable[[], bool] = lambda: False,
    alarm: Interest = NOTHING,
) -> None:
    """Wait until the peers of *streams* have all that was sent, or no more is likely to get there.

    Args:
      idle_timeout: seconds without progress that are waited; at most `PATIENCE`.
      until, alarm: as of `fildes.streams.relay.copy`.
    """
    socks = [sock for stream in streams if (sock := carrier(stream)) is not None]
    patience = PATIENCE if idle_timeout is None else min(idle_timeout, PATIENCE)
    left, since, look = undelivered(socks), time.monotonic(), FIRST_LOOK
    while left and not until():
        await wait_any(alarm, look)
        before, left = left, undelivered(socks)
        if left < before:
            since, look = time.monotonic(), FIRST_LOOK
        elif time.monotonic() - since >= patience:
            return
        else:
            look = min(2 * look, LONGEST_LOOK)


def carrier(stream: Stream) -> socket.SocketType | None:
    """Return the socket that carries *stream* to another host, None if none does."""
    *_, last = stream.layers()
    if isinstance(last, SocketStream) and last.sock.family in INTERNET:
        return last.sock
    return None


def undelivered(socks: Iterable[socket.SocketType]) -> int:
    """Return how many bytes were sent and not acknowledged; SIOCOUTQ of tcp(7)."""
    import fcntl
    import termios  # both are needed where something broke, and nowhere else

    count, total = array.array("i", [0]), 0
    for sock in socks:
        with contextlib.suppress(OSError, ValueError):  # it was closed, or is not of tcp
            if sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != TCP_CLOSE:
                fcntl.ioctl(sock, termios.TIOCOUTQ, count)
                total += count[0]
    return total
