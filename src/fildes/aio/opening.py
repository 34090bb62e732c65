"""What the verbs for asyncio and trio that open have in common."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from fildes.files.async_binary import AsyncBufferedFile, AsyncFile, AsyncRawFile
from fildes.files.async_datagram import AsyncDatagramFile
from fildes.files.async_description import AsyncDescription
from fildes.files.async_here import AsyncHereFile
from fildes.files.async_text import AsyncTextFile
from fildes.files.modes import pending_size
from fildes.verbs import deadline_of, idle_limit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator
    from types import TracebackType

    from fildes.drivers.tasks import TaskDriver
    from fildes.files.modes import Mode
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream


class Opened:
    """An open that is about to happen: await it, or enter it with ``async with``."""

    def __init__(self, start: Callable[[], Awaitable[Any]]) -> None:
        self.start = start

    def __await__(self) -> Generator[Any, Any, Any]:
        return self.start().__await__()

    async def __aenter__(self) -> Any:
        self.file = await self.start()
        return self.file

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.file.__aexit__(kind, error, traceback)


async def open_now(
    driver: TaskDriver,
    opening: Opening,
    wanted: Mode,
    buffering: int,
    timeout: float | None,
    idle_timeout: float | None,
    **text: str | None,
) -> AsyncFile[Any]:
    """Open what was prepared and checked, in the event loop of *driver*."""
    stream = await driver.run(opening.run(), deadline_of(opening, timeout))
    try:
        return to_file(driver, stream, opening, wanted, buffering, idle_timeout, **text)
    except BaseException:
        stream.abort()
        raise


def to_file(
    driver: TaskDriver,
    stream: Stream,
    opening: Opening,
    wanted: Mode,
    buffering: int,
    idle_timeout: float | None,
    **text: str | None,
) -> AsyncFile[Any]:
    """Return *stream*, waited for by *driver*, as the file that the arguments of `open` ask for."""
    description = AsyncDescription(
        driver,
        stream,
        opening.address,
        opening.trace,
        idle_timeout=idle_limit(opening, idle_timeout),
        pending_size=pending_size(buffering, wanted),
    )
    return make_file(description, wanted, buffering, **text)


def make_file(
    description: AsyncDescription, mode: Mode, buffering: int = -1, **text: str | None
) -> AsyncFile[Any]:
    """Return the face of *description* that *mode* and *buffering* ask for.

    Args:
      text: ``encoding``, ``errors``, ``newline`` of the built-in open.
    """
    buffer = make_binary(description, buffering)
    if not mode.text:
        return buffer
    if not isinstance(buffer, AsyncBufferedFile):
        raise io.UnsupportedOperation("datagrams are read and written as bytes")
    text["encoding"] = io.text_encoding(text["encoding"], 4)  # the caller of open
    return AsyncTextFile(buffer, line_buffering=buffering == 1, **text)


def make_binary(description: AsyncDescription, buffering: int) -> AsyncFile[Any]:
    """Return the binary face of *description*."""
    if description.stream.messages:
        return AsyncDatagramFile(description)
    if buffering == 0:
        return AsyncRawFile(description)
    here = description.stream.here
    if here is not None:
        return AsyncHereFile(description.driver, here, description)
    return AsyncBufferedFile(description)
