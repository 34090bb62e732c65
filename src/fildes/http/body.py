"""The body of a response as a stream."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from fildes.streams.document import Document

if TYPE_CHECKING:
    from fildes.http.response import Response
    from fildes.streams.stream import Stream
    from fildes.waiting import Interest
    from fildes.wire.http1_body import BodyReader


class HttpStream(Document):
    """A document that arrives in the body of an HTTP response; owns its connection.

    Bytes are received into the caller's buffer and decoded there. The end of file
    is the end that the framing tells. A connection that ends before is an error; one
    that goes on after is not read, so what it brings is never delivered.
    """

    def __init__(
        self, inner: Stream, response: Response, body: BodyReader, rest: bytearray
    ) -> None:
        """Start at the body.

        Args:
          inner: the connection, which this stream closes.
          body: reads the framing that the head announced.
          rest: what was received after the head.
        """
        self.inner: Stream = inner
        self.response = response
        self.body = body
        self.rest = rest

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

    def recv_wants(self) -> Interest:
        return self.inner.recv_wants()

    async def close(self) -> None:
        """Close the connection; before the end of the document without further ado."""
        if not self.body.done:
            self.inner.abort()
            return
        for layer in self.inner.layers():
            layer.settled = True
        # The document is complete: how the connection ends does not matter any more.
        with contextlib.suppress(OSError, EOFError):
            await self.inner.close()

    def abort(self) -> None:
        self.inner.abort()

    def interrupt(self) -> None:
        self.inner.interrupt()
