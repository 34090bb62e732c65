"""The verbs pipe and relay in an event loop; see `fildes.copying`."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from fildes import drivers
from fildes.copying import End, blamed, check_directions, check_most, check_pipe
from fildes.files.async_binary import AsyncBufferedFile, AsyncFile
from fildes.files.async_text import AsyncTextFile
from fildes.opening.arguments import check_times
from fildes.streams.half import Half
from fildes.streams.relay import check_eof, copy_until, half_between

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fildes.copying import HasDescriptor
    from fildes.drivers.tasks import TaskDriver
    from fildes.streams.stream import Stream

    CanBeCopied = AsyncFile[bytes] | HasDescriptor


async def pipe(
    source: CanBeCopied,
    sink: CanBeCopied,
    *,
    idle_timeout: float | None = None,
    max_bytes: int | None = None,
    eof: str = "propagate",
) -> int:
    """Copy *source* to *sink* until its end of file, return the number of bytes.

    As `fildes.pipe`; either may be an asynchronous file, a built-in binary file or a
    socket. Cancelled, it has aborted both files.
    """
    check_times(None, idle_timeout)
    check_pipe(eof, max_bytes)
    with AsyncEnd(source, "rb") as left, AsyncEnd(sink, "wb") as right:
        (half,) = await run([(left, right)], idle_timeout, eof, max_bytes)
    return half.copied


async def relay(
    left: CanBeCopied,
    right: CanBeCopied,
    *,
    idle_timeout: float | None = None,
    eof: str = "propagate",
    max_bytes: int | None = None,
) -> tuple[int, int]:
    """Copy bytes both ways until each side has sent its end of file.

    As `fildes.relay`; either may be an asynchronous file or a socket. Cancelled, it
    has aborted both files.

    Returns:
      Bytes copied left to right, and right to left.
    """
    check_times(None, idle_timeout)
    check_eof(eof)
    check_most(max_bytes)
    with AsyncEnd(left, "r+b") as one, AsyncEnd(right, "r+b") as other:
        there, back = await run([(one, other), (other, one)], idle_timeout, eof, max_bytes)
    return there.copied, back.copied


async def run(
    ways: list[tuple[AsyncEnd, AsyncEnd]],
    idle_timeout: float | None,
    eof: str,
    max_bytes: int | None,
) -> list[Half]:
    """Copy from source to sink in each of *ways*, what the buffers hold first."""
    halves = []
    for source, _ in ways:
        await source.made_sequential()
    for source, sink in ways:
        await source.send_pending()  # a question goes before its answer is awaited
        await sink.send_pending()
        left = source.taken_back(max_bytes)
        halves.append(half_between(source.stream, sink.stream, eof, max_bytes, left))
    driver, (one, other) = drivers.here(), ways[0]
    with blamed(halves, ways[0]), one.waited_for_by(driver), other.waited_for_by(driver):
        await driver.run(copy_until(halves, eof, idle_timeout))
    for half, (_, sink) in zip(halves, ways, strict=True):
        if half.ended and eof != "ignore":
            sink.was_half_closed()
    return halves


class AsyncEnd(End):
    """One end of the copying: an asynchronous file, or what `fildes.copying` takes."""

    def __init__(self, file: Any, mode: str) -> None:
        if not isinstance(file, AsyncFile):
            super().__init__(file, mode)
            return
        if isinstance(file, AsyncTextFile):
            raise TypeError("bytes are copied: open the file in a binary mode")
        file.description.check_open()
        check_directions(file, mode)
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

    def taken_back(self, most: int | None = None) -> bytes:
        if isinstance(self.file, AsyncBufferedFile):
            ahead = len(self.file.ahead)
            return self.file.take(ahead if most is None else min(ahead, most))
        return super().taken_back(most)

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
