"""The verbs pipe and relay in an event loop; see `fildes.copying`."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from fildes import drivers
from fildes.copying import End, blamed
from fildes.files.async_binary import AsyncBufferedFile, AsyncFile
from fildes.files.async_text import AsyncTextFile
from fildes.streams.relay import Half, copy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fildes.copying import HasDescriptor
    from fildes.drivers.tasks import TaskDriver
    from fildes.streams.stream import Stream

    CanBeCopied = AsyncFile[bytes] | HasDescriptor


async def pipe(source: CanBeCopied, sink: CanBeCopied, *, idle_timeout: float | None = None) -> int:
    """Copy *source* to *sink* until its end of file, return the number of bytes.

    As `fildes.pipe`; either may be an asynchronous file, a built-in binary file or a
    socket. Cancelled, it has aborted both files.
    """
    with AsyncEnd(source, "rb") as left, AsyncEnd(sink, "wb") as right:
        half = Half(left.stream, right.stream)
        await run([half], [left, right], idle_timeout)
    return half.copied


async def relay(
    left: CanBeCopied, right: CanBeCopied, *, idle_timeout: float | None = None
) -> tuple[int, int]:
    """Copy bytes both ways until each side has sent its end of file.

    As `fildes.streams.relay`; either may be an asynchronous file or a socket. Cancelled, it
    has aborted both files.

    Returns:
      Bytes copied left to right, and right to left.
    """
    with AsyncEnd(left, "r+b") as one, AsyncEnd(right, "r+b") as other:
        there, back = Half(one.stream, other.stream), Half(other.stream, one.stream)
        await run([there, back], [one, other], idle_timeout)
    return there.copied, back.copied


async def run(halves: list[Half], ends: list[AsyncEnd], idle_timeout: float | None) -> None:
    """Run *halves* to their ends, what the buffers hold first."""
    for half in halves:
        sink = next(end for end in ends if end.stream is half.sink)
        source = next(end for end in ends if end.stream is half.source)
        half.source = await source.made_sequential()
        await source.send_pending()  # a question goes before its answer is awaited
        await sink.send_pending()
        half.left = memoryview(source.taken_back()) or None
    driver = drivers.here()
    with blamed(halves, ends), ends[0].waited_for_by(driver), ends[1].waited_for_by(driver):
        await driver.run(copy(halves, idle_timeout))
    for half in halves:
        if half.ended:
            next(end for end in ends if end.stream is half.sink).was_half_closed()


class AsyncEnd(End):
    """One end of the copying: an asynchronous file, or what `fildes.copying` takes."""

    def __init__(self, file: Any, mode: str) -> None:
        if not isinstance(file, AsyncFile):
            super().__init__(file, mode)
            return
        if isinstance(file, AsyncTextFile):
            raise TypeError("bytes are copied: open the file in a binary mode")
        file.description.check_open()
        self.file, self.ours = file, True
        self.stream = file.description.stream

    async def made_sequential(self) -> Stream:
        """Return the stream of the file, as one that can be waited for."""
        if isinstance(self.file, AsyncFile):
            await self.file.description.make_sequential()
            self.stream = self.file.description.stream
        return self.stream

    async def send_pending(self) -> None:
        """Send what was written to the file."""
        if isinstance(self.file, AsyncFile):
            await self.file.flush()
        else:
            self.flush()

    def taken_back(self) -> bytes:
        if isinstance(self.file, AsyncBufferedFile):
            return self.file.take(len(self.file.ahead))
        return super().taken_back()

    @contextlib.contextmanager
    def waited_for_by(self, driver: TaskDriver) -> Iterator[None]:
        """Let closing the file end the waits of *driver*."""
        if not isinstance(self.file, AsyncFile):
            yield
            return
        description = self.file.description
        own, description.driver = description.driver, driver
        try:
            yield
        finally:
            description.driver = own
