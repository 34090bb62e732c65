"""The memory that bytes pass through on their way from one stream to another.

One large buffer serves any number of connections, for what is received is sent at once.
Only what a slow peer leaves over has to be kept: a little is copied, and of much the
whole buffer is lent, since copying it would cost as much as receiving it.
"""

from __future__ import annotations

import threading

from fildes.streams.pipes import Pipes

#: Received at most at once. On loopback (Linux 6.18) a stream of 3 GB took 1.2 times as
#: long with half of it, and 1.4 times with a quarter.
BUFFER_SIZE = 1048576

#: Up to so many bytes are copied rather than that a buffer is lent for them.
SMALL = 16384  # arbitrary

#: Buffers that are kept for the next who leaves much over.
MAX_FREE = 4  # arbitrary


class Buffers:
    """The buffer of one thread, and those that were lent and given back.

    Attributes:
      view: what to receive into.
      pipes: what is moved past this memory.
    """

    def __init__(self) -> None:
        self.view = memoryview(bytearray(BUFFER_SIZE))
        self.free: list[memoryview] = []
        self.pipes = Pipes()

    def keep(self, rest: memoryview) -> memoryview:
        """Return *rest*, a part of `view`, such that it stays as it is."""
        if len(rest) <= SMALL:
            return memoryview(bytes(rest))
        self.view = self.free.pop() if self.free else memoryview(bytearray(BUFFER_SIZE))
        return rest

    def give_back(self, rest: memoryview) -> None:
        """Let what `keep` returned be used again."""
        lent = rest.obj
        if isinstance(lent, bytearray) and len(self.free) < MAX_FREE:
            self.free.append(memoryview(lent))


_of_thread = threading.local()


def buffers_here() -> Buffers:
    """Return the buffers of this thread."""
    try:
        return _of_thread.buffers  # type: ignore[no-any-return]  # nothing else is set there
    except AttributeError:
        _of_thread.buffers = buffers = Buffers()
        return buffers
