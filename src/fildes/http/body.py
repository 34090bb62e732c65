"""The body of a response as a stream."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from fildes.http.response import Headers
from fildes.streams.document import Document
from fildes.wire.http1_body import body_reader
from fildes.wire.http1_framing import UntilClose

if TYPE_CHECKING:
    from fildes.http.fetching import Answer
    from fildes.http.pool import Pool
    from fildes.streams.stream import Direct, Stream
    from fildes.waiting import Interest


#: Bytes that may come behind a head and still with it, as far as we are concerned.
MAX_LATE = 16384  # arbitrary; as HEAD_SIZE of `fildes.http.fetching`


class HttpStream(Document):
    """A document that arrives in the body of an HTTP response; owns its connection.

    Bytes are received into the caller's buffer and decoded there. The end of file
    is the end that the framing tells. A connection that ends before is an error; one
    that goes on after is not read, so what it brings is never delivered.
    """

    def __init__(self, answer: Answer, pool: Pool | None = None) -> None:
        """Start at the body.

        Args:
          answer: its connection is this stream's from now on.
          pool: where the connection goes after the end of the document; without
            one it is closed.
        """
        self.connection = answer.connection
        self.inner: Stream = answer.connection.stream
        self.response = answer.response
        self.body = body_reader(answer.framing, answer.max_trailers)
        self.rest = answer.rest
        self.pool = pool
        self.persistent = answer.head.persistent and answer.framing != UntilClose()
        self.released = False

    def receive(self, buffer: memoryview) -> int | None:
        body = self.body
        while not body.done:
            received = self.inner.try_recv_into(buffer) if not self.rest else self.take(buffer)
            if received is None:
                return None
            if not received:
                body.eof()
            elif size := body.decode(buffer[:received]):
                return size
        return 0

    def take(self, buffer: memoryview) -> int:
        """Receive what came with the head."""
        size = min(len(buffer), len(self.rest))
        buffer[:size] = self.rest[:size]
        del self.rest[:size]
        return size

    def take_all(self) -> bytearray | None:
        """Return all of a body that came with the head, without framing in it; else None.

        What was sent right behind the head may have come meanwhile, so there is one look.
        """
        missing = self.body.direct - len(self.rest)
        if 0 < missing <= MAX_LATE:
            self.take_late(missing)
        if not 0 < self.body.direct == len(self.rest):
            return None
        data, self.rest = self.rest, bytearray()
        self.body.took(len(data))
        return data

    def take_late(self, size: int) -> None:
        """Receive what has come of the next *size* bytes; an error is left for the next receive."""
        view = memoryview(bytearray(size))
        try:
            received = self.inner.try_recv_into(view)
        except (OSError, EOFError) as error:
            self.verdict = copy.copy(error)
        else:
            self.rest += view[: received or 0]

    def direct(self) -> Direct | None:
        if self.rest or self.verdict is not None:
            return None
        below = self.inner.direct()
        return below and below.at_most(self.body.direct)

    def took(self, size: int) -> None:
        self.inner.took(size)
        self.body.took(size)

    def recv_wants(self) -> Interest:
        return self.inner.recv_wants()

    async def close(self) -> None:
        """Release the connection; before the end of the document without further ado."""
        if self.released:
            return
        self.released = True
        if not self.body.done:
            self.inner.abort()
        elif self.pool is not None and self.reusable():
            self.pool.give(self.connection)
        else:
            await self.connection.close()

    def release(self) -> None:
        """As `close` after the end of the document, without waiting."""
        self.released = True
        if self.pool is not None and self.reusable():
            self.pool.give(self.connection)
        else:
            self.connection.close_now()

    @property
    def trailers(self) -> Headers | None:
        """The fields that came behind the body; None before its end, or without any."""
        fields = tuple(getattr(self.body, "trailers", ()))  # only a chunked one has them
        return Headers(fields) if self.body.done and fields else None

    def reusable(self) -> bool:
        """Tell whether the connection can serve another request."""
        untouched = not self.rest and not self.body.excess and self.verdict is None
        return self.persistent and self.body.done and untouched

    def abort(self) -> None:
        if not self.released:
            self.released = True
            self.inner.abort()

    def interrupt(self) -> None:
        if not self.released:
            self.inner.interrupt()
