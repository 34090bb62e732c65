"""What a file of random access has beyond the io module's contracts."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from fildes.streams.random import RandomStream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fildes.files.async_description import AsyncDescription
    from fildes.files.base_description import BaseDescription
    from fildes.files.description import Description


class RandomAccess:
    """Reads at offsets, which neither use nor change the position.

    They are there for a document whose parts can be asked for; any other file raises
    `io.UnsupportedOperation`. Threads may use them at once.
    """

    description: Description

    @property
    def size(self) -> int | None:
        """The size of the document in bytes; None where that is not known beforehand."""
        stream = self.description.stream
        return stream.size if isinstance(stream, RandomStream) else None

    def pread(self, size: int, offset: int) -> bytes:
        """Return so many bytes at an offset, fewer only at the end of file; as pread of os."""
        stream = random_stream(self.description)
        buffer = room_for(size, offset, stream)
        view = memoryview(buffer)
        while view:
            received = self.description.ask(stream.pread_into(view, offset))
            view, offset = view[received:], offset + received
        return bytes(buffer)

    def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return the bytes of each range, from its start to before its stop.

        Ranges that are close to each other are asked for together, others over several
        connections at once. One that goes beyond the end of file gives what there is.

        Example:
          >>> f.read_ranges([(0, 4), (1_000_000, 1_000_100)])
        """
        check_ranges(ranges)
        return self.description.ask(random_stream(self.description).read_ranges(ranges))

    def prefetch(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Receive ranges that will be read soon, as `read_ranges` does, and keep them.

        What is kept is limited to 32 MiB, and what was used longest ago goes first.
        """
        self.read_ranges(ranges)


class AsyncRandomAccess:
    """As `RandomAccess`, with `await`."""

    description: AsyncDescription

    @property
    def size(self) -> int | None:
        """The size of the document in bytes; None where that is not known beforehand."""
        stream = self.description.stream
        return stream.size if isinstance(stream, RandomStream) else None

    async def pread(self, size: int, offset: int) -> bytes:
        """Return so many bytes at an offset, fewer only at the end of file."""
        stream = random_stream(self.description)
        buffer = room_for(size, offset, stream)
        view = memoryview(buffer)
        while view:
            received = await self.description.ask(stream.pread_into(view, offset))
            view, offset = view[received:], offset + received
        return bytes(buffer)

    async def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return the bytes of each range, from its start to before its stop."""
        check_ranges(ranges)
        return await self.description.ask(random_stream(self.description).read_ranges(ranges))

    async def prefetch(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Receive ranges that will be read soon, and keep them."""
        await self.read_ranges(ranges)


def random_stream(description: BaseDescription) -> RandomStream:
    """Return the stream of a document that is read at random."""
    description.check_open()
    stream = description.stream
    if not isinstance(stream, RandomStream):
        raise io.UnsupportedOperation("the peer gives no parts: read it from start to end")
    return stream


def room_for(size: int, offset: int, stream: RandomStream) -> bytearray:
    """Return a buffer for as many of the bytes as the document has."""
    if size < 0 or offset < 0:
        raise ValueError("size and offset are not negative")
    return bytearray(max(0, min(size, stream.size - offset)))


def check_ranges(ranges: Sequence[tuple[int, int]]) -> None:
    """Raise `ValueError` unless *ranges* are such."""
    if any(not 0 <= start <= stop for start, stop in ranges):
        raise ValueError("a range is a pair of offsets: its start, and its stop not before")
