"""A layer that turns the bytes of the one below into others, by a codec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from fildes.streams.document import CarriedDocument
from fildes.streams.stream import RECV_SIZE
from fildes.waiting import wait_any

if TYPE_CHECKING:
    from fildes.streams.stream import Stream


class Decoder(Protocol):
    """A codec: bytes in, bytes out.

    Attributes:
      done: all was given out; what follows in the input does not matter.
      hungry: there is no more output without more input; else feed it nothing.
    """

    done: bool

    @property
    def hungry(self) -> bool: ...

    def feed(self, data: memoryview) -> bytes:
        """Return what *data* decodes to, as far as it can be told; raise if it is broken.

        The output is bounded: what expands far is given out by several calls.
        """

    def finish(self) -> None:
        """Say that there is no more input; raise if the output is not complete."""


class DecodedStream(CarriedDocument):
    """What a decoder makes of the inner stream, which this one owns.

    The end of file is the one that the decoder has proved.
    """

    def __init__(self, inner: Stream, decoder: Decoder) -> None:
        self.inner: Stream = inner
        self.decoder = decoder
        self.raw = memoryview(bytearray(RECV_SIZE))
        self.ready = b""  # decoded, but received by nobody yet from `offset` on
        self.offset = 0
        self.ended = False

    def receive(self, buffer: memoryview) -> int | None:
        while self.offset == len(self.ready):
            if self.ended:
                return 0
            if not self.decode_some():
                return None
        size = min(len(buffer), len(self.ready) - self.offset)
        buffer[:size] = memoryview(self.ready)[self.offset : self.offset + size]
        self.offset += size
        return size

    def decode_some(self) -> bool:
        """Decode what can be received now; return whether anything, or the end, was."""
        hungry = self.decoder.hungry
        received = self.inner.try_recv_into(self.raw) if hungry else 0
        if received is None:
            return False
        self.ready, self.offset = self.ready[self.offset :], 0
        if received or not hungry:
            self.ready += self.decoder.feed(self.raw[:received])
            self.ended = self.decoder.done
        else:
            self.decoder.finish()
            self.ended = True
        return True

    async def begin(self, size: int) -> bytes:
        """Decode until *size* bytes are ready, or all; return them without taking them."""
        while not self.ended and len(self.ready) < size:
            if not self.decode_some():
                await wait_any(self.inner.recv_wants())
        return self.ready[:size]
