"""A stream that compresses what is written, into the one below."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Protocol

from fildes.streams.stream import Stream

if TYPE_CHECKING:
    from fildes.waiting import Interest

#: Compressed in one go; bounds how long a send takes and what it leaves to be sent.
PIECE_SIZE = 65536  # arbitrary


class Compressor(Protocol):
    """What compresses one member, as the classes of bz2 and lzma."""

    def compress(self, data: bytes | memoryview, /) -> bytes: ...
    def flush(self) -> bytes: ...


class CompressedStream(Stream):
    """One member of compressed data, which `close` and `half_close` complete.

    What was sent is somewhere in the compressor until then: only a member that is
    complete has an end marker and a checksum, so that whoever reads knows.
    """

    readable = False

    def __init__(self, inner: Stream, compressor: Compressor) -> None:
        """Write to *inner*, which this stream then owns."""
        self.inner: Stream = inner
        self.compressor: Compressor | None = compressor
        self.pending = bytearray()  # compressed, not sent yet

    def try_recv_into(self, buffer: memoryview) -> int | None:
        return 0  # a bridge asks: nothing will come

    def recv_wants(self) -> Interest:
        return {}

    def try_send(self, data: memoryview) -> int | None:
        if self.compressor is None:
            raise BrokenPipeError(errno.EPIPE, "the compressed data is complete")
        if not self.send_pending():
            return None
        piece = data[:PIECE_SIZE]
        self.pending += self.compressor.compress(piece)
        return len(piece)

    def send_pending(self) -> bool:
        """Send what is compressed; return whether all of it was taken."""
        while self.pending:
            with memoryview(self.pending) as view:
                sent = self.inner.try_send(view)
            if sent is None:
                return False
            del self.pending[:sent]
        return True

    def send_wants(self) -> Interest:
        return self.inner.send_wants()

    async def complete(self) -> None:
        """Send the end of the member, once."""
        if self.compressor is not None:
            self.pending += self.compressor.flush()
            self.compressor = None
            last, self.pending = self.pending, bytearray()
            await self.inner.send_all(last)

    async def half_close(self) -> None:
        await self.complete()
        await self.inner.half_close()

    async def close(self) -> None:
        try:
            await self.complete()
        except BaseException:
            self.abort()
            raise
        await self.inner.close()

    def abort(self) -> None:
        self.compressor = None
        self.inner.abort()

    def interrupt(self) -> None:
        self.inner.interrupt()
