"""The asynchronous faces of an open file.

They mean what `fildes.files.binary` means, with `await`. Whatever is read passes through a
buffer and leaves it only when the whole of what was asked for is there, so that a
cancelled read loses nothing, and tasks that read at once share no half lines.
"""

from __future__ import annotations

import io
import os
import warnings
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from fildes.files.ancillary import AsyncDescriptorPassing
from fildes.files.described import Described
from fildes.files.random import AsyncRandomAccess
from fildes.streams.stream import RECV_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from typing_extensions import Buffer

    from fildes.files.async_description import AsyncDescription

Data = TypeVar("Data", bytes, str)


class AsyncFile(Described, Generic[Data]):
    """What every asynchronous file has; *Data* is what it is read as."""

    description: AsyncDescription

    def __init__(self, description: AsyncDescription) -> None:
        self.description = description

    @property
    def closed(self) -> bool:
        """Whether it was closed or aborted."""
        return self.description.closed

    def seekable(self) -> bool:
        """Tell whether `seek` works."""
        self.description.check_open()
        return self.description.stream.seek(0, os.SEEK_CUR) is not None

    def move(self, offset: int, whence: int) -> int:
        """Move the position of the stream, return the new one."""
        self.description.check_open()
        position = self.description.stream.seek(offset, whence)
        if position is None:
            raise io.UnsupportedOperation(f"{self.address} has no position to seek to")
        return position

    async def flush(self) -> None:
        """Send what was written."""
        self.description.check_open()
        await self.description.flush()

    async def half_close(self) -> None:
        """Send what was written and end our direction; reading goes on."""
        await self.description.half_close()

    async def close(self) -> None:
        """Send what was written and close; raise if not all went well.

        Everything is released even if this is cancelled, then as by `abort`.
        """
        await self.description.close()

    aclose = close

    def abort(self) -> None:
        """Close and discard: the peer sees an error, never a clean end of file."""
        self.description.abort()

    def fileno(self) -> int:
        """Return a descriptor that any program can read; see `fildes.files.binary`."""
        return self.description.fileno()

    def check_direction(self, *, reading: bool) -> None:
        """Raise unless it is open in that direction."""
        self.description.check_open()
        if not (self.readable() if reading else self.writable()):
            raise io.UnsupportedOperation(f"not open for {'reading' if reading else 'writing'}")

    async def readline(self, size: int = -1) -> Data:
        """Return the next line."""
        raise io.UnsupportedOperation("an unbuffered file has no lines")

    async def readlines(self) -> list[Data]:
        """Return all lines up to the end of file."""
        return [line async for line in self]

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Data:
        line = await self.readline()
        if not line:
            raise StopAsyncIteration
        return line

    async def __aenter__(self) -> Self:
        self.description.check_open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close; abort instead if an exception cut the writing short."""
        if kind is not None and self.writable() and not self.description.ended:
            self.abort()
        else:
            await self.close()

    def __del__(self) -> None:
        description: AsyncDescription | None = getattr(self, "description", None)
        if description is None or description.closed:
            return
        warnings.warn(f"unclosed file {self!r}", ResourceWarning, stacklevel=2, source=self)
        self.abort()


class AsyncRawFile(AsyncFile[bytes], AsyncRandomAccess, AsyncDescriptorPassing):
    """An unbuffered file: each read and write is one on the stream."""

    async def readinto(self, buffer: Buffer) -> int:
        """Read into *buffer*, return how many bytes; 0 at the end of file."""
        self.check_direction(reading=True)
        return await self.description.recv_into(buffer) if memoryview(buffer).nbytes else 0

    async def read(self, size: int = -1) -> bytes:
        """Return up to *size* bytes, or all up to the end of file."""
        if size >= 0:
            return await self.read1(size)
        data = bytearray()
        while some := await self.read1():
            data += some
        return bytes(data)

    async def read1(self, size: int = RECV_SIZE) -> bytes:
        """Return up to *size* bytes; empty at the end of file."""
        buffer = bytearray(size)
        received = await self.readinto(buffer)
        del buffer[received:]
        return bytes(buffer)

    async def write(self, data: Buffer) -> int:
        """Send all of *data*, return its size; a cancelled write has taken all of it too."""
        self.check_direction(reading=False)
        return await self.description.write(data)

    async def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position; lseek(2)."""
        return self.move(offset, whence)

    async def tell(self) -> int:
        """Return the position."""
        return self.move(0, os.SEEK_CUR)


class AsyncBufferedFile(AsyncFile[bytes], AsyncRandomAccess, AsyncDescriptorPassing):
    """A binary file that reads ahead, and gathers small writes.

    Attributes:
      ahead: bytes received and not yet read.
      read_so_far: bytes that reads have returned.
    """

    def __init__(self, description: AsyncDescription) -> None:
        super().__init__(description)
        self.ahead = bytearray()
        self.read_so_far = 0
        self.chunk: memoryview | None = None

    async def fill(self) -> bool:
        """Receive once into the buffer; False at the end of file."""
        chunk = self.chunk
        if chunk is None:  # many a document is read without
            chunk = self.chunk = memoryview(bytearray(RECV_SIZE))
        received = await self.description.recv_into(chunk)
        self.ahead += chunk[:received]
        return received > 0

    async def read_all(self) -> bytes:
        """Return all up to the end of file."""
        await self.description.take_turns()
        here = self.description.stream.here
        if here is not None and not self.ahead:
            data = here.read()
            self.read_so_far += len(data)
            return data
        while await self.fill():
            pass
        return self.take(len(self.ahead))

    def take(self, size: int) -> bytes:
        """Return up to *size* bytes of the buffer, which are then no longer there."""
        with memoryview(self.ahead) as view:
            data = bytes(view[:size])
        del self.ahead[:size]
        self.read_so_far += len(data)
        return data

    async def read(self, size: int | None = -1) -> bytes:
        """Return *size* bytes, or all up to the end of file; fewer only there."""
        self.check_direction(reading=True)
        if size is None or size < 0:
            return await self.read_all()
        while len(self.ahead) < size and await self.fill():
            pass
        return self.take(size)

    async def read1(self, size: int = -1) -> bytes:
        """Return up to *size* bytes of what is there, or comes next."""
        await self.peek()
        return self.take(len(self.ahead) if size < 0 else size)

    async def peek(self) -> bytes:
        """Return what the next read will begin with; empty at the end of file."""
        self.check_direction(reading=True)
        while not self.ahead and await self.fill():
            pass
        return bytes(self.ahead)

    async def readinto(self, buffer: Buffer) -> int:
        """Fill *buffer*, return how many bytes; fewer only at the end of file."""
        view = memoryview(buffer).cast("B")
        data = await self.read(len(view))
        view[: len(data)] = data
        return len(data)

    async def readline(self, size: int = -1) -> bytes:
        """Return the next line with its end, at most *size* bytes of it."""
        self.check_direction(reading=True)
        scanned = self.read_so_far  # as a position in the stream: other tasks may read
        while (end := self.ahead.find(b"\n", max(0, scanned - self.read_so_far)) + 1) == 0:
            scanned = self.read_so_far + len(self.ahead)
            if 0 <= size <= len(self.ahead) or not await self.fill():
                end = len(self.ahead)
                break
        return self.take(end if size < 0 else min(end, size))

    async def write(self, data: Buffer) -> int:
        """Take all of *data*, return its size; it is sent by `flush` or a read at the latest.

        A cancelled write has taken all of it too, and sent some.
        """
        self.check_direction(reading=False)
        if self.ahead and self.seekable():
            await self.seek(0, os.SEEK_CUR)
        return await self.description.write(data)

    async def writelines(self, lines: Iterable[Buffer]) -> None:
        """Write each of *lines*."""
        for line in lines:
            await self.write(line)

    async def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Send what was written, then move the position; lseek(2)."""
        await self.flush()
        unread = len(self.ahead) if whence == os.SEEK_CUR else 0
        position = self.move(offset - unread, whence)
        self.ahead.clear()
        return position

    async def tell(self) -> int:
        """Return the position."""
        await self.flush()
        return self.move(0, os.SEEK_CUR) - len(self.ahead)

    def fileno(self) -> int:
        """Return a descriptor that any program can read, after what was read here.

        Raises:
          BlockingIOError: what was written must be flushed first.
        """
        return self.description.fileno(lambda: self.take(len(self.ahead)))
