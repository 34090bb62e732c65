"""Documents that came whole with the head of their answer: nothing is left to ask for.

Most documents are small. What `fildes.http.ranged` keeps for others (what is here, what
comes, what was read before) would cost more than the document itself, and its connection
is free for the next one before the first byte is read.
"""

from __future__ import annotations

import errno
import io
import os
from typing import TYPE_CHECKING

from fildes.streams.document import Document
from fildes.streams.random import RandomStream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fildes.http.body import HttpStream
    from fildes.http.response import Response
    from fildes.streams.stream import Stream
    from fildes.waiting import Interest


class ReceivedDocument(RandomStream):
    """The bytes of a whole document.

    Attributes:
      response: the answer that brought it.
      closed: it was closed, perhaps by another thread than the one that reads.
    """

    closed = False
    here: io.BytesIO

    def __init__(
        self, inner: Stream, response: Response, data: bytes, here: io.BytesIO | None = None
    ) -> None:
        """Take *data*, the document, which came over *inner*; *here* it is read already."""
        self.inner = inner
        self.response = response
        self.data = data
        self.size = len(data)
        self.here = io.BytesIO(data) if here is None else here

    @property
    def position(self) -> int:
        """Where the next receive begins."""
        return self.here.tell()

    @position.setter
    def position(self, position: int) -> None:
        self.here.seek(position)

    def recv_here(self, buffer: memoryview) -> int:
        self.check_open()
        return self.here.readinto(buffer)

    async def pread_into(self, view: memoryview, offset: int) -> int:
        return self.read_at(view, offset)

    def read_at(self, view: memoryview, offset: int) -> int:
        """Copy the bytes at *offset* into *view*; return how many."""
        self.check_open()
        found = self.data[offset : offset + len(view)]
        view[: len(found)] = found
        return len(found)

    def check_open(self) -> None:
        """Raise what the kernel raises for a closed descriptor."""
        if self.closed:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    async def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        return [self.data[start:stop] for start, stop in ranges]

    async def sequential(self) -> Stream:
        """Return what follows the position."""
        self.closed = True
        rest = io.BytesIO(self.data[self.position :])
        self.here.seek(0, os.SEEK_END)  # its bytes are the stream's from now on
        return Rest(rest, self.response)

    async def close(self) -> None:
        """Release nothing: the connection is another one's by now."""
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def interrupt(self) -> None:
        self.closed = True


class Rest(Document):
    """What is left of a document and here already; perhaps nothing."""

    def __init__(self, data: io.BytesIO, response: Response | None = None) -> None:
        """Give *data* from where it stands, which *response* has brought."""
        self.data = data
        self.response = response

    def receive(self, buffer: memoryview) -> int:
        return self.data.readinto(buffer)

    def recv_wants(self) -> Interest:
        return {}

    async def close(self) -> None:
        """Release nothing: the connection is another one's by now."""

    def abort(self) -> None:
        pass

    def interrupt(self) -> None:
        pass


class ReceivedStream(Rest):
    """The bytes of a whole document of which its server gives no parts."""

    def __init__(self, inner: Stream, response: Response, here: io.BytesIO) -> None:
        """Give what is *here*, which came over *inner*."""
        super().__init__(here, response)
        self.inner = inner
        self.here = here


def received_whole(body: HttpStream) -> ReceivedDocument | None:
    """Return the document if all of *body* came with its head; its connection is free then."""
    data = body.take_all()
    if data is None:
        return None
    body.release()
    return ReceivedDocument(body.inner, body.response, bytes(data))
