"""A stream with one thing changed: where it ends, how it is ended, its line ends.

Each of these lies over any stream and changes one thing, so that several of them can
be stacked. None has a descriptor of its own: its bytes are not those of the kernel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.streams.stream import Direct, Stream
from fildes.streams.timer import Timer
from fildes.waiting import READ, wait_any

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.streams.stream import KernelStream
    from fildes.waiting import Interest

#: Seconds between two looks for more behind an end of file, as ``tail -f`` has it.
LOOK_AGAIN = 0.25  # arbitrary

#: Bytes that are translated at once; bounds what is held back for a slow peer.
PIECE = 16384  # arbitrary


class ShapedStream(Stream):
    """The *inner* stream as it is; others derive from it and change one thing."""

    def __init__(self, inner: Stream) -> None:
        self.inner: Stream = inner
        self.readable, self.writable = inner.readable, inner.writable
        self.messages, self.endless, self.longest = inner.messages, inner.endless, inner.longest
        self.settled = inner.settled

    @property
    def half_closes(self) -> bool:
        return self.inner.half_closes

    def try_recv_into(self, buffer: memoryview) -> int | None:
        return self.inner.try_recv_into(buffer)

    def try_send(self, data: memoryview) -> int | None:
        return self.inner.try_send(data)

    def recv_wants(self) -> Interest:
        return self.inner.recv_wants()

    def send_wants(self) -> Interest:
        return self.inner.send_wants()

    def direct_sink(self) -> KernelStream | None:
        return self.inner.direct_sink()

    async def half_close(self) -> None:
        await self.inner.half_close()

    async def close(self) -> None:
        await self.inner.close()

    def abort(self) -> None:
        self.inner.abort()

    def interrupt(self) -> None:
        self.inner.interrupt()


class TappedStream(ShapedStream):
    """A stream of which somebody sees all that is received.

    *tap* is called with each piece, before anybody else has it, and must not keep it.
    """

    def __init__(self, inner: Stream, tap: Callable[[memoryview], object]) -> None:
        super().__init__(inner)
        self.tap = tap

    def try_recv_into(self, buffer: memoryview) -> int | None:
        received = self.inner.try_recv_into(buffer)
        if received:
            self.tap(buffer[:received])
        return received


class CountedStream(ShapedStream):
    """A stream of which somebody counts what is received: *count* is called with each size."""

    def __init__(self, inner: Stream, count: Callable[[int], object]) -> None:
        super().__init__(inner)
        self.count = count

    def try_recv_into(self, buffer: memoryview) -> int | None:
        received = self.inner.try_recv_into(buffer)
        if received:
            self.count(received)
        return received

    def direct(self) -> Direct | None:
        return self.inner.direct()

    def took(self, size: int) -> None:
        self.inner.took(size)
        self.count(size)


class LimitedStream(ShapedStream):
    """A stream that ends after *size* bytes, whether or not more would come."""

    def __init__(self, inner: Stream, size: int) -> None:
        super().__init__(inner)
        self.left = size
        self.endless = False

    def try_recv_into(self, buffer: memoryview) -> int | None:
        if not self.left:
            return 0
        received = self.inner.try_recv_into(buffer[: self.left])
        self.left -= received or 0
        return received

    def direct(self) -> Direct | None:
        below = self.inner.direct()
        return below and below.at_most(self.left)

    def took(self, size: int) -> None:
        self.inner.took(size)
        self.left -= size


class EscapedStream(ShapedStream):
    """A stream that ends before the first byte of the value *escape*."""

    def __init__(self, inner: Stream, escape: int) -> None:
        super().__init__(inner)
        self.escape = bytes([escape])
        self.escaped = False

    def try_recv_into(self, buffer: memoryview) -> int | None:
        if self.escaped:
            return 0
        received = self.inner.try_recv_into(buffer)
        if not received:
            return received
        found = bytes(buffer[:received]).find(self.escape)
        self.escaped = found >= 0
        return found if self.escaped else received


class PatientStream(ShapedStream):
    """A stream whose end of file is none: more may come, as with ``tail -f``."""

    def __init__(self, inner: Stream) -> None:
        super().__init__(inner)
        self.timer = Timer()
        self.at_end = False

    def try_recv_into(self, buffer: memoryview) -> int | None:
        self.timer.clear()
        received = self.inner.try_recv_into(buffer)
        self.at_end = received == 0
        if not self.at_end:
            return received
        self.timer.start(LOOK_AGAIN)
        return None

    def recv_wants(self) -> Interest:
        return {self.timer.fd: READ} if self.at_end else self.inner.recv_wants()

    async def close(self) -> None:
        self.timer.close()
        await self.inner.close()

    def abort(self) -> None:
        self.timer.close()
        self.inner.abort()


class NullEndedStream(ShapedStream):
    """Datagrams that end with an empty one, where the peer says so."""

    def __init__(self, inner: Stream) -> None:
        super().__init__(inner)
        self.endless = False
        self.ended = False

    def try_recv_into(self, buffer: memoryview) -> int | None:
        if self.ended:
            return 0
        received = self.inner.try_recv_into(buffer)
        self.ended = received == 0
        return received


class NullEndingStream(ShapedStream):
    """Datagrams whose end an empty one tells to the peer."""

    half_closes = True

    async def half_close(self) -> None:
        """Send the empty datagram."""
        while self.inner.try_send(memoryview(b"")) is None:
            await wait_any(self.inner.send_wants())


class OpenEndedStream(ShapedStream):
    """A stream to which the end of file is not passed on."""

    half_closes = False

    def direct(self) -> Direct | None:
        return self.inner.direct()

    def took(self, size: int) -> None:
        self.inner.took(size)

    async def half_close(self) -> None:
        """Do nothing: somebody else may have something to say to this peer."""


class ClosingStream(ShapedStream):
    """A stream that is closed in both directions when its input ends."""

    half_closes = True
    closed = False

    def try_recv_into(self, buffer: memoryview) -> int | None:
        return 0 if self.closed else self.inner.try_recv_into(buffer)

    async def half_close(self) -> None:
        """Close it, and so hear no more of it."""
        self.closed = True
        await self.inner.close()

    async def close(self) -> None:
        if not self.closed:
            await self.inner.close()


class LineEndStream(ShapedStream):
    """A stream whose peer ends lines with *line_end*, where we have a newline.

    What is read has carriage returns taken out (or, where they are the line end,
    turned into newlines), as socat and telnet(1) do it.
    """

    def __init__(self, inner: Stream, line_end: bytes) -> None:
        super().__init__(inner)
        self.line_end = line_end
        self.pending = memoryview(b"")

    def try_recv_into(self, buffer: memoryview) -> int | None:
        while received := self.inner.try_recv_into(buffer):
            data = bytes(buffer[:received])
            shorter = data.replace(b"\r", b"\n" if self.line_end == b"\r" else b"")
            buffer[: len(shorter)] = shorter
            if shorter:
                return len(shorter)
        return received

    def try_send(self, data: memoryview) -> int | None:
        """Take a piece of *data* once the piece before is sent."""
        if not self.flush():
            return None
        piece = data[:PIECE]
        self.pending = memoryview(bytes(piece).replace(b"\n", self.line_end))
        self.flush()
        return len(piece)

    def direct_sink(self) -> None:
        """Return None: it takes other bytes."""

    def flush(self) -> bool:
        """Send what can be sent now; return whether nothing is left."""
        while self.pending:
            sent = self.inner.try_send(self.pending)
            if sent is None:
                return False
            self.pending = self.pending[sent:]
        return True

    async def half_close(self) -> None:
        await self.flush_all()
        await self.inner.half_close()

    async def close(self) -> None:
        try:
            if self.pending:
                await self.flush_all()
        finally:
            await self.inner.close()

    async def flush_all(self) -> None:
        """Send what is left of the last piece."""
        while not self.flush():
            await wait_any(self.inner.send_wants())
