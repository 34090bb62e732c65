"""A document that came whole with the head of its answer: nothing is left to ask for.

Most documents are small. What `fildes.http.ranged` keeps for others (what is here, what
comes, what was read before) would cost more than the document itself, and its connection
is free for the next one before the first byte is read.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from fildes.streams.random import RandomStream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fildes.http.body import HttpStream
    from fildes.streams.stream import Stream


class ReceivedDocument(RandomStream):
    """The bytes of a whole document.

    Attributes:
      response: the answer that brought it.
      closed: it was closed, perhaps by another thread than the one that reads.
    """

    closed = False

    def __init__(self, body: HttpStream, data: bytearray) -> None:
        """Take *data*, all of *body*."""
        self.inner: Stream = body.inner
        self.response = body.response
        self.data = memoryview(data)
        self.size = len(data)

    def recv_here(self, buffer: memoryview) -> int:
        received = self.read_at(buffer, self.position)
        self.position += received
        return received

    async def pread_into(self, view: memoryview, offset: int) -> int:
        return self.read_at(view, offset)

    def read_at(self, view: memoryview, offset: int) -> int:
        """Copy the bytes at *offset* into *view*; return how many."""
        if self.closed:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        found = self.data[offset : offset + len(view)]
        view[: len(found)] = found
        return len(found)

    async def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        return [bytes(self.data[start:stop]) for start, stop in ranges]

    async def sequential(self) -> Stream:
        """Return what follows the position."""
        from fildes.http.following import Rest

        self.closed = True
        return Rest(self.data[self.position :])

    async def close(self) -> None:
        """Release nothing: the connection is another one's by now."""
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def interrupt(self) -> None:
        self.closed = True


def received_whole(body: HttpStream) -> ReceivedDocument | None:
    """Return the document if all of *body* came with its head; its connection is free then."""
    data = body.take_all()
    if data is None:
        return None
    body.release()
    return ReceivedDocument(body, data)
